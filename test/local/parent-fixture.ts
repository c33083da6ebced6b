/**
 * A process that starts a child with a grandchild, tells their process group, and then lives or dies as it is told.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../../local/processes.ts';

const child = await startProcess({
  name: 'The child',
  command: '/bin/sh',
  args: ['-c', 'sleep 1000 & echo "{}"; wait'],
  logFile: join(process.argv[3] ?? tmpdir(), 'child.log'),
  readiness: { kind: 'json-line' },
});
process.stdout.write(`${child.pid}\n`);
if (process.argv[2] === 'throw') throw new Error('An exception that nobody catches.');
setInterval(() => undefined, 1_000);
