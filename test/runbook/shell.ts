/** One shell in which the steps run one after the other: what one exports or starts is there for the next. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationError } from '../../errors.ts';
import { tailOfLog } from '../../local/processes.ts';
import type { Step } from './steps.ts';

/** The line that says that a step is over. */
const DONE = '=== step is over';

export class StepShell {
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #gone: Promise<unknown>;

  constructor(dir: string, env: Record<string, string>) {
    this.#dir = dir;
    this.logFile = join(dir, 'steps.log');
    // A group of its own: whatever the steps leave behind goes with it.
    this.#child = spawn('bash', ['-e'], { cwd: dir, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const log = createWriteStream(this.logFile);
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    this.#gone = once(this.#child, 'exit');
  }

  /**
   * Runs a step to its end. The first command of it that fails ends the shell.
   * @throws OperationError with the end of the log, if a command fails or the step takes too long.
   */
  async run({ name, text }: Step, timeoutMs: number): Promise<void> {
    const { stdin, stdout } = this.#child;
    if (stdin === null || stdout === null) throw new Error('the shell has no pipes');
    await writeFile(join(this.#dir, `${name}.sh`), text);
    let onOutput: (chunk: Buffer) => void = () => undefined;
    const over = new Promise<'over'>((resolve) => {
      let output = '';
      onOutput = (chunk) => {
        output += chunk.toString();
        if (output.includes(`${DONE}: ${name}\n`)) resolve('over');
      };
      stdout.on('data', onOutput);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, timeoutMs, 'late')));
    stdin.write(`. ./${name}.sh </dev/null\necho '${DONE}: ${name}'\n`);
    const how = await Promise.race([over, late, this.#gone.then(() => 'failed' as const)]);
    clearTimeout(timer);
    stdout.off('data', onOutput);
    if (how === 'over') return;
    const what = how === 'late' ? `is not over after ${timeoutMs / 1000} s` : 'failed';
    throw new OperationError(`the step ${name} ${what}:\n${await tailOfLog(this.logFile, 30)}`);
  }

  /** Ends the shell and all that it started. */
  async close(): Promise<void> {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
    await this.#gone;
  }
}
