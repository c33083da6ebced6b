/** The benchmark's reaction and intake on the cluster, and beside them on the dev server of the same minutes. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { figureShape, type Figure } from '../../bench/figures.ts';
import { OperationError } from '../../errors.ts';
import { startClusterStack } from './stack.ts';
import type { TemporalCluster } from './temporal-cluster.ts';

/** The parts that ask something of Temporal's server. */
const FIGURE_PARTS = ['reaction', 'intake'] as const;

const script = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const run = async (args: readonly string[]): Promise<Figure[]> => {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new OperationError(`${args.slice(0, 2).join(' ')} ended with ${code}`);
  return z.array(figureShape).parse(JSON.parse(output.trimEnd().split('\n').at(-1) ?? ''));
};

export type FigureOptions = {
  cluster: TemporalCluster;
  root: string;
  dir: string;
  seed: number;
  quick: boolean;
  say: (line: string) => void;
};

/** Measures both, part by part, the dev server first. */
export const measureFigures = async (options: FigureOptions): Promise<{ devServer: Figure[]; cluster: Figure[] }> => {
  const { quick, say } = options;
  const dir = join(options.dir, 'figures');
  await mkdir(dir, { recursive: true });
  const size = quick ? ['--quick'] : [];
  const devServer: Figure[] = [];
  const cluster: Figure[] = [];
  for (const part of FIGURE_PARTS) {
    say(`${part} on the dev server`);
    const own = join(dir, part);
    await mkdir(own);
    devServer.push(...(await run([script('../../bench/run-part.ts'), part, '--directory', own, ...size])));
    say(`${part} on the cluster`);
    const stack = await startClusterStack({
      ...options,
      dir,
      clock: 'stopped',
      // One of each, as the local stack has. The intake is measured while nobody else polls.
      processes: part === 'reaction' ? ['worker-1', 'consumer-1'] : [],
    });
    try {
      cluster.push(...(await run([script('./figure-part.ts'), part, JSON.stringify(stack.benchFacts), ...size])));
    } finally {
      await stack.stop();
    }
  }
  return { devServer, cluster };
};
