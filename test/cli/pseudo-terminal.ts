/** Runs the command line on a terminal, as a person does: Python's pseudo-terminal, of a given size. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { findPython } from '../../local/python-interpreter.ts';
import { cleanEnvironment } from '../end-to-end/run-cli.ts';

const cliPath = fileURLToPath(new URL('../../cli.ts', import.meta.url));

/**
 * The size is set before the command begins; what it draws goes to stdout, and its exit code is passed on, as a shell tells it where a
 * signal ends the process (the second Ctrl-C may meet it when it is over and hears no more). Once it has drawn a given text, Ctrl-C is
 * pressed, and again at once: npm doubles it, too.
 */
const PROGRAM = `
import fcntl, os, pty, struct, sys, termios, time
rows, columns, awaited, seen = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode(), b''
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    os.execv(sys.argv[4], sys.argv[4:])
while True:
    try:
        drawn = os.read(terminal, 65536)
    except OSError:
        break
    if not drawn:
        break
    os.write(1, drawn)
    seen += drawn
    if awaited and awaited in seen:
        awaited = b''
        for press in range(2):
            os.write(terminal, b'\\x03')
            time.sleep(0.01)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
`;

export const onTerminal = async (
  args: readonly string[],
  env: Record<string, string>,
  { rows = 40, columns = 80, interruptAfter = '' } = {},
): Promise<{ code: number | null; drawn: string }> => {
  const python = await findPython(process.env);
  const command = ['-c', PROGRAM, String(rows), String(columns), interruptAfter, process.execPath, cliPath, ...args];
  const child = spawn(python.command, command, {
    env: { ...cleanEnvironment(), TERM: 'xterm', NO_COLOR: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let drawn = '';
  child.stdout.on('data', (chunk: Buffer) => (drawn += chunk.toString()));
  const [code] = z
    .tuple([z.int().nullable()])
    .rest(z.unknown())
    .parse(await once(child, 'close'));
  return { code, drawn };
};
