/** I1 to I8 for a world that has come to rest, against the simulator's ledger and the files in S3. */
import { checkLedger, doubledLabels, wrongDoubled } from '../../demo/ledger-check.ts';
import { isLiveTrouble } from '../../decisions/attention.ts';
import type { ChainState } from '../../decisions/chain-state.ts';
import { MINUTE_MS } from '../../decisions/durations.ts';
import { RECONCILE_JITTER } from '../../decisions/follow.ts';
import type { LedgerRecord } from '../../simulator/ledger.ts';
import { LABEL, START_MS } from './scenario.ts';
import type { Chain, World } from './world.ts';

/** One broken promise. */
export type Violation = { invariant: string; chain: string; text: string };

const jobsOf = (ledger: readonly LedgerRecord[]): string[] =>
  ledger.flatMap((record) => (record.kind === 'created' ? [record.job] : []));

const ledgerOf = (world: World, chain: string): LedgerRecord[] =>
  world.groundTruth.ledger.records.filter(({ job }) => job.startsWith(`${chain}-`));

/** The objects that the chain was given, in order. */
const givenManifest = (world: World, { plan }: Chain): string =>
  [plan.manifest, ...(world.operator.added.get(plan.name) ?? []).map(({ text }) => text)]
    .flatMap((text) => text.split('\n').filter((line) => line !== ''))
    .join('\n');

/** I5: nothing begins between a stop or a cancel and the next resume, and what was live is asked to stop or ends by itself. */
const checkStops = (world: World, { plan }: Chain, ledger: readonly LedgerRecord[]): string[] => {
  const problems: string[] = [];
  const accepted = world.operator.accepted.filter(({ chain }) => chain === plan.name);
  const starts = world.temporal.childStarts.filter(({ workflowId }) => workflowId.includes(`:${plan.name}-`));
  for (const [index, stop] of accepted.entries()) {
    if (stop.kind !== 'stop' && stop.kind !== 'cancel') continue;
    // Whoever resets a chain that was cancelled takes the cancel back.
    const endsIt = ({ kind }: { kind: string }): boolean =>
      kind === 'resume' || (kind === 'reset' && stop.kind === 'cancel');
    const untilMs = accepted.slice(index).find(endsIt)?.atMs ?? Infinity;
    for (const { atMs, workflowId, input } of starts) {
      const begins = typeof input === 'object' && input !== null && 'begin' in input && input.begin === 'create';
      if (begins && atMs > stop.atMs && atMs < untilMs)
        problems.push(`${workflowId} was begun ${atMs - stop.atMs} ms after a ${stop.kind} was accepted`);
    }
    for (const record of ledger) {
      if (record.kind !== 'created' || record.atMs <= stop.atMs || record.atMs >= untilMs) continue;
      const asked = ledger.some(
        ({ kind, job, atMs }) => kind === 'stop-requested' && job === record.job && atMs < untilMs,
      );
      const ended = ledger.some(
        (one) =>
          one.kind === 'status' && one.job === record.job && one.to !== 'InProgress' && one.to !== 'Initializing',
      );
      if (!asked && !ended) problems.push(`${record.job} was created after a ${stop.kind} and never asked to stop`);
    }
  }
  return problems;
};

/**
 * I6: the objects sent, and the cost of all labels that workers had given when a job is created and of all that it is sent,
 * stay under the highest cap of the chain, whatever the counters showed. Each job by the number of workers that AWS was asked for.
 */
const checkSpending = (world: World, state: ChainState, ledger: readonly LedgerRecord[]): string[] => {
  const problems: string[] = [];
  const { maxObjectsSent, maxCost, price } = state.spec.policy;
  const started = ledger.flatMap((record) => (record.kind === 'started' ? [record] : []));
  const sent = started.reduce((sum, { unlabeledIndices }) => sum + unlabeledIndices.length, 0);
  if (maxObjectsSent !== null && sent > maxObjectsSent)
    problems.push(`${sent} objects were sent, the cap is ${maxObjectsSent}`);
  if (maxCost === null || price === null) return problems;
  const workers = new Map(
    world.groundTruth.jobs.map(({ name, request }) => [
      name,
      request.HumanTaskConfig.NumberOfHumanWorkersPerDataObject,
    ]),
  );
  const priceIn = (job: string): number => price.perObject + (workers.get(job) ?? 0) * price.perAnswer;
  for (const { job, atMs, unlabeledIndices } of started) {
    const before = ledger
      .filter((one) => one.kind === 'labeled' && one.job !== job && !one.late && one.atMs <= atMs)
      .reduce((sum, one) => sum + priceIn(one.job), 0);
    const committed = before + unlabeledIndices.length * priceIn(job);
    if (committed > maxCost + 1e-6) problems.push(`${job} commits ${committed}, the cap is ${maxCost}`);
  }
  return problems;
};

/** I7: in the quiet phase the workflow of an ended job closes within one reconcile period, with or without events. */
const checkProgress = (world: World, { spec }: Chain, ledger: readonly LedgerRecord[]): string[] => {
  const quietMs = START_MS + world.scenario.quietAfterMs;
  const slackMs = spec.policy.reconcile.everyMs * (1 + RECONCILE_JITTER) + 45 * MINUTE_MS;
  return ledger.flatMap((record) => {
    if (record.kind !== 'status' || !['Completed', 'Failed', 'Stopped'].includes(record.to) || record.atMs < quietMs)
      return [];
    const closedMs = world.temporal.closedAtMs(record.job);
    return closedMs !== null && closedMs - record.atMs > slackMs
      ? [`the end of ${record.job} was noticed ${Math.round((closedMs - record.atMs) / MINUTE_MS)} min later`]
      : [];
  });
};

/**
 * When the chain was over: a cancelled one looks no more for late labels after its close, and a resume that finds nothing
 * to do only opens and closes it again.
 */
const lastCloseMs = (world: World, { plan, workflowId }: Chain, ledger: readonly LedgerRecord[]): number => {
  const closes = world.temporal.closes.filter((one) => one.workflowId === workflowId);
  const lastCreatedMs = ledger.findLast(({ kind }) => kind === 'created')?.atMs ?? 0;
  const cancel = world.operator.accepted.find(
    ({ chain, kind, atMs }) => chain === plan.name && kind === 'cancel' && atMs > lastCreatedMs,
  );
  const cancelled = cancel === undefined ? undefined : closes.find(({ atMs }) => atMs >= cancel.atMs);
  return cancelled?.atMs ?? closes.at(-1)?.atMs ?? Infinity;
};

const checkChain = async (world: World, chain: Chain): Promise<Violation[]> => {
  const { name } = chain.plan;
  const violations: Violation[] = [];
  const add = (invariant: string, texts: readonly string[]): void =>
    void violations.push(...texts.map((text) => ({ invariant, chain: name, text })));
  const state = await world.operator.stateOf(chain);
  if (state === null || state.end === null) return [{ invariant: 'I7', chain: name, text: 'the chain has no end' }];
  const { end, dataset } = state;
  const ledger = ledgerOf(world, name);
  const closedMs = lastCloseMs(world, chain, ledger);
  // What AWS published after a cancelled chain was closed, nobody promised to read.
  const readable = ledger.filter((record) => record.kind !== 'published' || record.atMs < closedMs);
  const text = (uri: string | null): string => (uri === null ? '' : (world.store.text(uri) ?? ''));
  const manifest = givenManifest(world, chain);
  const files = { manifest, finalManifest: text(end.finalManifestUri), leftoverReport: text(end.leftoverReportUri) };
  for (const check of checkLedger({ ledger: readable, labelAttribute: LABEL, ...files }))
    add(check.invariant, check.violations);
  // But a resume may have found it.
  const { least } = doubledLabels(readable, manifest, LABEL);
  const doubled = { least, most: doubledLabels(ledger, manifest, LABEL).most };
  world.counts.doubled += doubled.most;
  const wrong = wrongDoubled(dataset?.doubled, doubled);
  if (wrong !== null) add('I1', [wrong]);
  add('I5', checkStops(world, chain, ledger));
  add('I6', checkSpending(world, state, ledger));
  add('I7', checkProgress(world, chain, ledger));
  const live = jobsOf(ledger).filter(
    (job) =>
      !ledger.some(
        (one) => one.kind === 'status' && one.job === job && ['Completed', 'Failed', 'Stopped'].includes(one.to),
      ),
  );
  if (live.length > 0) add('I5', [`${live.join(', ')} still live after the chain is over`]);
  if (end.status === 'labeled' && dataset?.remaining !== 0)
    add('I2', [`labeled, and ${dataset?.remaining} objects remain`]);
  if (state.attention !== null && !isLiveTrouble(state.attention)) add('I7', ['it ended and still asks']);
  return violations;
};

/** Everything that is wrong with a world at rest. */
export const checkWorld = async (world: World): Promise<Violation[]> => {
  const perChain: Violation[] = [];
  for (const chain of world.chains) perChain.push(...(await checkChain(world, chain)));
  const all = world.chains.map(({ plan }) => plan.name).join(', ');
  if (world.events.inFlight !== 0)
    perChain.push({
      invariant: 'I4',
      chain: all,
      text: `${world.events.inFlight} messages are neither deleted nor dead`,
    });
  const strangers = jobsOf(world.groundTruth.ledger.records).filter(
    (job) => !world.chains.some(({ plan }) => job.startsWith(`${plan.name}-`)),
  );
  if (strangers.length > 0)
    perChain.push({ invariant: 'I3', chain: all, text: `jobs of no chain: ${strangers.join(', ')}` });
  return perChain;
};
