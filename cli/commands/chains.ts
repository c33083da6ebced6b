/** The actions of the commands about chains: start, adopt, show, watch, stop, resume, amend, list. */
import type { AttentionReason, ChainDocument, ChainStatus, Finding, LabelRelay } from '../../client.ts';
import { ATTENTION_REASONS } from '../../decisions/attention.ts';
import { nearest } from '../../decisions/nearest.ts';
import { InputError, afterChange } from '../../errors.ts';
import { chainTable } from '../chain-table.ts';
import { liveView } from '../live-view.ts';
import { EXIT, columnsOf, interruption, paint, print, printJson, say, usesColor, working } from '../output.ts';
import { readJsonFile, readSpecFile, withRelay } from '../with-relay.ts';
import { plain } from '../wrap.ts';

export const exitOf = (status: ChainStatus): number => {
  switch (status) {
    case 'labeled':
    case 'finished':
    case 'stopped':
    case 'running':
      return EXIT.done;
    case 'attention':
      return EXIT.attention;
    case 'failed':
      return EXIT.failed;
  }
};

/** Messages quote what stands in manifests, which is anybody's. */
const findingLine = ({ level, check, message }: Finding): string =>
  `${level.padEnd(7)} ${check.padEnd(16)} ${plain(message)}`;

/** What the checks before a change warn of; what they could not look at is said by `--dry-run` alone. */
const sayWarnings = (findings: readonly Finding[]): void => {
  for (const finding of findings) if (finding.level === 'warning') say(findingLine(finding));
};

/** Follows a chain on the terminal until it has ended, or Ctrl-C; unless it is being stopped, also until it waits for a person. */
const follow = async (relay: LabelRelay, chain: string, json: boolean, isStopping = false): Promise<number> => {
  const signal = interruption();
  const view = liveView(json ? process.stderr : process.stdout);
  let last: ChainDocument | null = null;
  for await (const detail of relay.watch(chain, { signal })) {
    view.show(detail);
    last = detail.document;
    if (last.status === 'attention' && !isStopping) break;
  }
  view.done();
  if (json && last !== null) printJson(last);
  const status = last?.status ?? 'running';
  if (signal.aborted && (status === 'running' || isStopping)) {
    say(`${chain} goes on; only the watching has ended. Look again with: label-relay watch ${chain}`);
    return EXIT.interrupted;
  }
  return exitOf(status);
};

export const start = async (
  file: string,
  options: { dryRun?: boolean; wait?: boolean; strict?: boolean; json?: boolean },
): Promise<number> => {
  const spec = await readSpecFile(file);
  return withRelay(async (relay) => {
    const started = await working('Checking the spec, the manifest and what they name', () =>
      relay.startChain(spec, { strict: options.strict ?? false, dryRun: options.dryRun ?? false }),
    );
    const { findings, objects } = started.preflight;
    if (options.dryRun === true) {
      if (options.json === true) printJson({ chain: started.chain, started: false, findings, objects });
      else {
        for (const finding of findings) print(findingLine(finding));
        print(`${started.chain} could start; nothing was started (--dry-run)`);
      }
      return EXIT.done;
    }
    sayWarnings(findings);
    if (options.wait === true) return follow(relay, started.chain, options.json ?? false).catch(afterChange);
    if (options.json === true) printJson(await relay.get(started.chain).catch(afterChange));
    else {
      print(
        `${started.chain} started${objects === null ? '' : `: ${objects.total - objects.labeled} of ${objects.total} objects to label`}`,
      );
      if (started.webUrl !== null) print(started.webUrl);
      print(`follow it with: label-relay watch ${started.chain}`);
    }
    return EXIT.done;
  });
};

export const adopt = async (
  arn: string,
  options: {
    chain: string;
    policy?: string;
    dataset?: string;
    dryRun?: boolean;
    wait?: boolean;
    strict?: boolean;
    json?: boolean;
  },
): Promise<number> => {
  const policy = options.policy === undefined ? {} : { policy: await readJsonFile(options.policy) };
  return withRelay(async (relay) => {
    const dataset = options.dataset === undefined ? {} : { datasetUri: options.dataset };
    const flags = { strict: options.strict ?? false, dryRun: options.dryRun ?? false };
    const adopted = await working('Looking at the labeling job', () =>
      relay.adopt(arn, { chain: options.chain, ...policy, ...dataset, ...flags }),
    );
    const { findings, objects } = adopted.preflight;
    if (options.dryRun === true) {
      if (options.json === true) printJson({ chain: adopted.chain, started: false, findings, objects });
      else {
        for (const finding of findings) print(findingLine(finding));
        print(`${adopted.chain} could adopt the job; nothing was changed (--dry-run)`);
      }
      return EXIT.done;
    }
    sayWarnings(findings);
    if (options.wait === true) return follow(relay, adopted.chain, options.json ?? false).catch(afterChange);
    if (options.json === true) printJson(await relay.get(adopted.chain).catch(afterChange));
    else {
      print(`${adopted.chain} goes on with ${arn.slice(arn.lastIndexOf('/') + 1)} as generation 1`);
      if (adopted.webUrl !== null) print(adopted.webUrl);
      print(`follow it with: label-relay watch ${adopted.chain}`);
    }
    return EXIT.done;
  });
};

export const show = (chain: string, options: { json?: boolean }): Promise<void> =>
  withRelay(async (relay) => {
    const detail = await working(`Asking for ${chain}`, () => relay.detail(chain));
    if (options.json === true) printJson(detail.document);
    else print(chainTable(detail, paint(usesColor(process.stdout)), columnsOf(process.stdout)));
  });

export const watch = (chain: string, options: { json?: boolean }): Promise<number> =>
  withRelay((relay) => follow(relay, chain, options.json ?? false));

export const stop = (chain: string, options: { reason?: string; wait?: boolean; json?: boolean }): Promise<number> =>
  withRelay(async (relay) => {
    await working(`Asking ${chain} to stop`, () => relay.stop(chain, options.reason));
    if (options.wait === true) return follow(relay, chain, options.json ?? false, true).catch(afterChange);
    if (options.json === true) printJson(await relay.get(chain).catch(afterChange));
    else print(`${chain} is being stopped; its labels are kept. Go on later with: label-relay resume ${chain}`);
    return EXIT.done;
  });

export const resume = async (
  chain: string,
  options: { acceptMissing?: boolean; retrySetAside?: boolean; spec?: string; json?: boolean },
): Promise<void> => {
  const spec = options.spec === undefined ? null : await readSpecFile(options.spec, chain);
  return withRelay(async (relay) => {
    const resumeOptions = {
      acceptMissing: options.acceptMissing ?? false,
      retrySetAside: options.retrySetAside ?? false,
    };
    await working(`Resuming ${chain}`, () =>
      spec === null ? relay.resume(chain, resumeOptions) : relay.resumeFromRecord(spec, resumeOptions),
    );
    if (options.json === true) printJson(await relay.get(chain).catch(afterChange));
    else print(`${chain} goes on; follow it with: label-relay watch ${chain}`);
  });
};

/** `policy.maxJobs=30` → { policy: { maxJobs: 30 } }; the value is JSON, or else text. */
const setting = (assignment: string): unknown => {
  const at = assignment.indexOf('=');
  if (at <= 0) throw new InputError(`--set ${assignment}: expected path=value, such as policy.maxJobs=30`);
  const text = assignment.slice(at + 1);
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: taken as text, so that --set policy.handOver=4h needs no quotes.
  }
  return assignment
    .slice(0, at)
    .split('.')
    .toReversed()
    .reduce<unknown>((inner, key) => ({ [key]: inner }), value);
};

const merged = (a: unknown, b: unknown): unknown =>
  typeof a === 'object' && a !== null && typeof b === 'object' && b !== null && !Array.isArray(a) && !Array.isArray(b)
    ? Object.fromEntries(
        [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [
          key,
          key in b ? merged(Reflect.get(a, key), Reflect.get(b, key)) : Reflect.get(a, key),
        ]),
      )
    : b;

export const amend = async (
  chain: string,
  file: string | undefined,
  options: { set?: string[]; manifest?: string; spec?: string; json?: boolean },
): Promise<void> => {
  const parts = [...(file === undefined ? [] : [await readJsonFile(file)]), ...(options.set ?? []).map(setting)];
  if (parts.length === 0 && options.manifest === undefined) {
    throw new InputError('nothing to amend: give a file with changes, --set path=value, or --manifest s3://…');
  }
  const spec = options.spec === undefined ? null : await readSpecFile(options.spec, chain);
  const change = {
    ...(parts.length === 0 ? {} : { changes: parts.reduce(merged) }),
    ...(options.manifest === undefined ? {} : { manifestUri: options.manifest }),
  };
  return withRelay(async (relay) => {
    const { findings } = await working(`Checking the changes to ${chain}`, () =>
      spec === null ? relay.amend(chain, change) : relay.amendRecord(spec, change),
    );
    sayWarnings(findings);
    if (options.json === true) printJson(await relay.get(chain).catch(afterChange));
    else print(`${chain} is amended; it holds from the next job on`);
  });
};

/** @throws InputError for a word that is none. */
const attentionReason = (word: string): AttentionReason => {
  const reason = ATTENTION_REASONS.find((one) => one === word);
  if (reason !== undefined) return reason;
  const like = nearest(word, ATTENTION_REASONS);
  const advice = like === null ? '' : `; did you mean ${like}?`;
  throw new InputError(
    `--attention ${word}: there is no such reason${advice}; there are: ${ATTENTION_REASONS.join(', ')}`,
  );
};

export const list = async (options: {
  status?: ChainStatus;
  attention?: true | string;
  workTeam?: string;
  text?: string;
  json?: boolean;
}): Promise<void> => {
  const { status, workTeam, text } = options;
  const attention = typeof options.attention === 'string' ? attentionReason(options.attention) : options.attention;
  return withRelay(async (relay) => {
    const chains = await working('Asking for the chains', () =>
      relay.list({
        ...(attention === undefined ? {} : { attention }),
        ...(status === undefined ? {} : { status }),
        ...(workTeam === undefined ? {} : { workTeam }),
        ...(text === undefined ? {} : { text }),
      }),
    );
    if (options.json === true) return printJson(chains);
    if (chains.length === 0) return print('no chains');
    const longest = (texts: (string | null)[]): number => Math.max(...texts.map((text) => text?.length ?? 0));
    // A longer name shifts its own line and stays whole, so that it can be copied.
    const room = columnsOf(process.stdout) - 29 - Math.max(9, longest(chains.map(({ attention }) => attention)));
    const width = Math.max(5, Math.min(room, longest(chains.map(({ chain }) => chain))));
    print(`${'chain'.padEnd(width)}  status     gen  remaining  attention`);
    for (const { chain, status, generation, remaining, attention } of chains) {
      print(
        `${chain.padEnd(width)}  ${status.padEnd(9)}  ${String(generation).padStart(3)}  ${String(remaining).padStart(9)}  ${attention ?? ''}`,
      );
    }
  });
};
