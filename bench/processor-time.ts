/** How much processor time another process has used. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Linux counts in these, whatever the machine (proc_pid_stat(5); `getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/**
 * Seconds of all threads of a process, the system's work for it included, in steps of 10 ms. On Linux from its own pages: `ps`
 * says there whole seconds only.
 */
export const processorSeconds = (pid: number): number => {
  if (process.platform !== 'linux') {
    const time = execFileSync('ps', ['-o', 'time=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return time.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0);
  }
  // The name of the program may hold anything, so fields are counted from its closing parenthesis.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]].map(Number);
  return ((user ?? Number.NaN) + (system ?? Number.NaN)) / TICKS_PER_SECOND;
};
