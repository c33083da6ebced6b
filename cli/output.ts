/** How commands speak: answers on stdout, everything else on stderr, colours only on a terminal, exit codes as documented. */
import { InputError, OperationError, messageOf } from '../errors.ts';
import { plain } from './wrap.ts';

/**
 * 0 done, 1 failed, 2 bad input, 3 a person is asked (only watch, demo, start --wait); 130 where Ctrl-C ended the
 * waiting for a chain that goes on, as shells count it.
 */
export const EXIT = { done: 0, failed: 1, badInput: 2, attention: 3, interrupted: 130 } as const;

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

export const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** NO_COLOR (any value) and pipes turn colours off. */
export const usesColor = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb';

/** Whether lines can be drawn over. A terminal of no width is one only in name: drawing there clears lines without end. */
export const isTerminal = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && stream.columns > 0;

/** The width of a terminal; 80 where there is none. */
export const columnsOf = (stream: NodeJS.WriteStream): number => (isTerminal(stream) ? stream.columns : 80);

/** What is going on while a person waits, on stderr. */
export type Progress = {
  /** Another stage: on a terminal in place of the one before, elsewhere a line of its own. */
  stage: (text: string) => void;
  /** How far the stage has come: on a terminal only. */
  detail: (text: string) => void;
  /** Ends it with what was reached. */
  done: (text: string) => void;
  /** Ends it and leaves nothing on a terminal. */
  stop: () => void;
};

/**
 * On a terminal a spinner, whose library would colour its frames also with NO_COLOR: the colours are ours. Elsewhere plain lines, and none
 * before the first stage: the library writes its marks and their colours into files too.
 */
export const progress = async (text: string): Promise<Progress> => {
  if (!isTerminal(process.stderr)) {
    let last = text;
    return {
      stage: (stage) => {
        if (stage !== last) say(stage);
        last = stage;
      },
      detail: () => undefined,
      done: say,
      stop: () => undefined,
    };
  }
  const { default: ora } = await import('ora');
  const colored = usesColor(process.stderr);
  const symbol = paint(colored)('green', '✔');
  const spinner = ora({ stream: process.stderr, text, color: colored ? 'cyan' : false }).start();
  const show = (shown: string): void => {
    spinner.text = shown;
  };
  return {
    stage: show,
    detail: show,
    done: (last) => void spinner.stopAndPersist({ symbol, text: last }),
    stop: () => void spinner.stop(),
  };
};

/** Shows on a terminal that something is being waited for; says nothing elsewhere. */
export const working = async <Result>(text: string, run: () => Promise<Result>): Promise<Result> => {
  const shown = await progress(text);
  try {
    return await run();
  } finally {
    shown.stop();
  }
};

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
const codes: Record<Style, [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export type Paint = (style: Style, text: string) => string;
export const paint =
  (color: boolean): Paint =>
  (style, text) =>
    color ? `\u001B[${codes[style][0]}m${text}\u001B[${codes[style][1]}m` : text;

/** A reader that went away (`| head`) is no error, of either stream; a full disk is. */
export const guardOutput = (): void => {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done);
    say(`label-relay: the answer cannot be written: ${error.message}`);
    process.exit(EXIT.failed);
  });
  // Nobody is left to hear of it; what the command does, and its exit code, go on.
  process.stderr.on('error', () => undefined);
};

/** Runs a command to its exit code. Messages quote what others wrote, in manifests and in AWS: a terminal obeys none of it. */
export const runCommand = async (run: () => Promise<number | void>): Promise<void> => {
  try {
    process.exitCode = (await run()) ?? EXIT.done;
  } catch (thrown) {
    if (thrown instanceof InputError) {
      for (const problem of thrown.problems) say(`label-relay: ${plain(problem)}`);
      process.exitCode = EXIT.badInput;
    } else {
      say(`label-relay: ${plain(messageOf(thrown))}`);
      if (
        !(thrown instanceof OperationError) &&
        thrown instanceof Error &&
        process.env['LABEL_RELAY_DEBUG'] !== undefined
      ) {
        say(thrown.stack ?? '');
      }
      process.exitCode = EXIT.failed;
    }
  }
};

/** A request to end that comes again within this time is the same one: npm passes on what the terminal has sent already. */
const SAME_REQUEST_MS = 2_000;

/** Aborted by Ctrl-C or a request to end. Whoever asks again later does not want to wait: the process ends at once. */
export const interruption = (): AbortSignal => {
  const controller = new AbortController();
  let askedMs: number | null = null;
  const end = (): void => {
    askedMs ??= performance.now();
    if (performance.now() - askedMs > SAME_REQUEST_MS) process.exit(EXIT.interrupted);
    controller.abort();
  };
  // Not `once`: what gives the cursor back to a terminal ends the process by the signal where nobody else listens any more.
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  return controller.signal;
};
