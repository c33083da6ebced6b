/** `label-relay demo`. */
import { runDemo } from '../../demo/run.ts';
import { liveView } from '../live-view.ts';
import { EXIT, interruption, paint, print, printJson, progress, say, usesColor } from '../output.ts';
import { exitOf } from './chains.ts';
import { numberFrom } from '../numbers.ts';

const interrupted = (): number => {
  say('label-relay: the demo was ended before its chain; nothing is left running');
  return EXIT.interrupted;
};

export const demo = async (options: { json?: boolean; keep?: boolean; seed: string }): Promise<number> => {
  const seed = numberFrom('seed', options.seed);
  const json = options.json ?? false;
  const stream = json ? process.stderr : process.stdout;
  const tell = json ? say : print;
  const color = paint(usesColor(stream));
  const signal = interruption();
  const shown = await progress('Starting the local stack');
  const view = liveView(stream);
  let result;
  try {
    result = await runDemo({
      seed,
      signal,
      onProgress: shown.stage,
      onReady: ({ facts }) => {
        shown.done('The local stack is up and the chain is started');
        tell(`Temporal Web UI: ${facts.webUrl}`);
      },
      onChange: (detail, nowMs) =>
        view.show(detail, `the service's clock: ${new Date(nowMs).toISOString().slice(0, 16)}Z`),
    });
  } catch (thrown) {
    shown.stop();
    view.done();
    if (signal.aborted) return interrupted();
    throw thrown;
  }
  shown.stop();
  view.done();
  const { detail, checks, stack } = result;
  try {
    // The ledger of half a story would only look like broken promises.
    if (signal.aborted && detail.document.status === 'running') return interrupted();
    tell('');
    tell('Held against the ledger of the simulator:');
    for (const { invariant, holds, text, violations } of checks) {
      tell(`  ${holds ? color('green', 'holds ') : color('red', 'broken')} ${invariant}  ${text}`);
      for (const violation of violations.slice(0, 10)) tell(`             ${violation}`);
    }
    if (json) printJson(detail.document);
    if (options.keep === true && !signal.aborted) {
      tell(`The stack stays up until Ctrl-C. Web UI: ${stack.facts.webUrl}`);
      for (const [name, value] of Object.entries(stack.facts.env)) tell(`export ${name}='${value}'`);
      await new Promise<void>((resolve) => {
        const alive = setInterval(() => undefined, 60_000);
        signal.addEventListener('abort', () => {
          clearInterval(alive);
          resolve();
        });
      });
    }
  } finally {
    await stack.stop();
  }
  if (checks.some(({ holds }) => !holds)) return EXIT.failed;
  if (detail.document.status === 'running') {
    say('label-relay: the chain had not ended when the demo did');
    return EXIT.failed;
  }
  return exitOf(detail.document.status);
};
