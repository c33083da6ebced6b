/** How much memory a process has used. */
import { readFileSync } from 'node:fs';

/**
 * The most physical memory this process ever had, in MB of 10^6 bytes. On Linux from its own pages: the figure of
 * `getrusage` begins with that of the process that started it.
 */
export const peakMemoryMb = (): number => {
  if (process.platform !== 'linux') return (process.resourceUsage().maxRSS * 1024) / 1e6;
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return (Number(kib) * 1024) / 1e6;
};
