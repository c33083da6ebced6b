/**
 * Ends our child processes when this process is gone, however it went: by an exception, a signal, or kill -9.
 *
 * One small shell process reads process group ids from a pipe that only we hold open. When the kernel closes the pipe,
 * it asks every group that is still registered to end, and kills what is left after a while. Nothing has to run
 * in the dying process. What it does not cover: being killed itself before us, and our death between a child's start
 * and its registration (microseconds).
 */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** How long a group has between SIGTERM and SIGKILL once its parent is gone. */
const GRACE_SECONDS = 5;

/** Lines are `+<group>` and `-<group>`; at the end of the input it reaps. It leads a session of its own, out of reach of the terminal's Ctrl-C. No `--` before a group: dash's kill does not know it. */
const SCRIPT = `
trap '' INT TERM HUP
groups=' '
while read -r line; do
  case "$line" in
    +*) groups="$groups\${line#+} " ;;
    -*) group=\${line#-}; groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
left=
for group in $groups; do kill -TERM "-$group" 2>/dev/null && left="$left $group"; done
tries=0
while [ -n "$left" ] && [ $tries -lt ${GRACE_SECONDS * 10} ]; do
  sleep 0.1
  tries=$((tries + 1))
  alive=
  for group in $left; do kill -0 "-$group" 2>/dev/null && alive="$alive $group"; done
  left=$alive
done
for group in $left; do kill -KILL "-$group" 2>/dev/null; done
`;

const groups = new Set<number>();
let reaperInput: Writable | null = null;

const startReaper = (): Writable => {
  const reaper = spawn('/bin/sh', ['-c', SCRIPT], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  });
  reaper.unref();
  const input = reaper.stdin;
  // The pipe must not keep our event loop alive; its type does not say that it is a socket.
  if ('unref' in input && typeof input.unref === 'function') input.unref();
  const forget = () => {
    if (reaperInput === input) reaperInput = null;
  };
  reaper.on('error', forget);
  reaper.on('exit', forget);
  input.on('error', forget);
  for (const groupId of groups) input.write(`+${groupId}\n`);
  return input;
};

/** Has the process group ended with this process, whatever happens to it. */
export const registerGroup = (groupId: number): void => {
  groups.add(groupId);
  if (reaperInput === null) reaperInput = startReaper();
  else reaperInput.write(`+${groupId}\n`);
};

/** Takes a group that has ended off the list, so that nobody who gets its number later is hit. */
export const unregisterGroup = (groupId: number): void => {
  if (groups.delete(groupId)) reaperInput?.write(`-${groupId}\n`);
};
