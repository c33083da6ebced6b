/** `label-relay doctor`. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CHECKS, type Finding } from '../../doctor/findings.ts';
import { examine } from '../../doctor/doctor.ts';
import { EXIT, paint, print, printJson, usesColor } from '../output.ts';

const STYLES = { passed: 'green', failed: 'red', skipped: 'dim' } as const;

const packageSchema = z.object({ version: z.string() });

/** package.json is two folders up in the repository, three in the package, where this file is compiled into `dist`. */
const readVersion = async (): Promise<string> => {
  for (const path of ['../../package.json', '../../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => null);
    if (text !== null) return packageSchema.parse(JSON.parse(text)).version;
  }
  return 'of unknown version';
};

export const doctor = async (options: { json?: boolean; jobNamePrefix?: string }): Promise<number> => {
  const color = paint(usesColor(process.stdout));
  const width = Math.max(...CHECKS.map((check) => check.length));
  const tell = (finding: Finding): void => {
    const { check, status, message } = finding;
    print(`${color(STYLES[status], status.padEnd(7))}  ${check.padEnd(width)}  ${message}`);
    if (finding.status === 'failed') print(`${' '.repeat(9 + width)}  → ${finding.remedy}`);
  };
  const findings = await examine(
    {
      env: process.env,
      version: await readVersion(),
      nodeVersion: process.versions.node,
      jobNamePrefix: options.jobNamePrefix ?? '',
    },
    options.json === true ? () => undefined : tell,
  );
  const ok = findings.every(({ status }) => status !== 'failed');
  if (options.json === true) printJson({ ok, checks: findings });
  return ok ? EXIT.done : EXIT.failed;
};
