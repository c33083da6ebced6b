/**
 * What following one labeling job for 30 days takes, with the real workflows, counted in their histories: a slow work
 * team, four state-change events, and the hand-over at the end. A second chain beside it also gets worker events of one work team
 * that is active twelve hours a day.
 */
import { Client, Connection } from '@temporalio/client';
import { LabelRelay } from '../../client.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import { labelingChainWorkflowId, labelingJobWorkflowId } from '../../decisions/names.ts';
import { advance } from '../../local/advance.ts';
import { startStack, type StackFacts } from '../../local/stack.ts';
import { labelingJobView, stateChange, workerActivity } from '../../workflows/messages.ts';
import { makeSpec, setScript } from '../chains.ts';
import { atMost, figure, type Figure, type Part } from '../figures.ts';
import { countHistory, type HistoryCounts } from '../temporal-actions.ts';

const QUIET = 'month';
const BUSY = 'month-with-worker-events';
/** A job is handed over two hours before its 30 days end; a day more for its settling. */
const LONGEST_MS = 32 * DAY_MS;
/** As in `reliability.md` 2.2, per month of 30 days. */
const POLL_SECONDS = 30;
const POLLS = (30 * 86_400) / POLL_SECONDS;
/** Wait and Describe every minute as timer and activity: eleven events a turn. */
const POLL_LOOP_EVENTS = 43_200 * 11;

type Followed = HistoryCounts & { describes: number; bytes: number; chain: HistoryCounts };

const jobWorkflowId = (facts: StackFacts, jobName: string): string =>
  labelingJobWorkflowId({ account: facts.account, region: facts.region, jobName });

const jobNameOf = async (relay: LabelRelay, chain: string): Promise<string> => {
  for (;;) {
    const name = (await relay.get(chain)).jobs.at(0)?.name;
    if (name !== undefined) return name;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const historyOf = async (client: Client, workflowId: string): Promise<HistoryCounts> =>
  countHistory((await client.workflow.getHandle(workflowId).fetchHistory()).events ?? []);

const measure = async (client: Client, facts: StackFacts, chain: string, jobName: string): Promise<Followed> => {
  const handle = client.workflow.getHandle(jobWorkflowId(facts, jobName));
  const { describes } = await handle.query(labelingJobView);
  const { raw } = await handle.describe();
  return {
    ...(await historyOf(client, handle.workflowId)),
    describes,
    bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? Number.NaN),
    chain: await historyOf(client, labelingChainWorkflowId(chain)),
  };
};

/** The windows of a step of time: one for each hour from 8 to 20 UTC, as the consumer sends them. */
const sendWindows = async (client: Client, workflowId: string, facts: StackFacts, fromMs: number, toMs: number) => {
  for (let hourMs = Math.ceil(fromMs / HOUR_MS) * HOUR_MS; hourMs < toMs; hourMs += HOUR_MS) {
    const hour = new Date(hourMs).getUTCHours();
    if (hour < 8 || hour >= 20) continue;
    await client.workflow.getHandle(workflowId).signal(workerActivity, {
      workteamArn: `arn:aws:sagemaker:${facts.region}:${facts.account}:workteam/private-crowd/ornithologists`,
      windowStartMs: hourMs,
      windowEndMs: hourMs + HOUR_MS,
      accepted: 4,
      submitted: 4,
      declined: 0,
      returned: 0,
      activeWorkers: 2,
      lastActivityMs: hourMs + HOUR_MS / 2,
    });
  }
};

const follow = async (facts: StackFacts): Promise<{ quiet: Followed; busy: Followed }> => {
  const connection = await Connection.connect({ address: facts.temporalAddress });
  try {
    const client = new Client({ connection });
    const relay = new LabelRelay({ client });
    await setScript(facts, { jobs: [{ match: {}, workers: { ratePerHour: 0.2 } }] });
    for (const chain of [QUIET, BUSY]) {
      await relay.startChain(await makeSpec(facts, { chain, objects: 300, policy: { maxJobs: 1 } }));
    }
    const jobs = { quiet: await jobNameOf(relay, QUIET), busy: await jobNameOf(relay, BUSY) };
    const ids = { quiet: jobWorkflowId(facts, jobs.quiet), busy: jobWorkflowId(facts, jobs.busy) };
    const isOpen = async (id: string): Promise<boolean> =>
      (await client.workflow.getHandle(id).describe()).status.name === 'RUNNING';
    let eventsSent = 0;
    let startMs: number | null = null;
    const enough = new AbortController();
    let acting: Promise<void> = Promise.resolve();
    const act = async (nowMs: number, stepMs: number): Promise<void> => {
      startMs ??= nowMs - stepMs;
      const open = { quiet: await isOpen(ids.quiet), busy: await isOpen(ids.busy) };
      if (!open.quiet && !open.busy) return enough.abort();
      if (open.busy) await sendWindows(client, ids.busy, facts, nowMs - stepMs, nowMs);
      if (nowMs - startMs < (eventsSent + 1) * 7 * DAY_MS || eventsSent === 4) return;
      eventsSent += 1;
      for (const id of [ids.quiet, ids.busy]) {
        await client.workflow
          .getHandle(id)
          .signal(stateChange, { status: 'InProgress', eventId: `event ${eventsSent}` });
      }
    };
    const move = async (durationMs: number, stepMs: number): Promise<void> => {
      await advance({
        connection,
        simulatorEndpoint: facts.sagemakerEndpoint,
        durationMs,
        stepMs,
        signal: enough.signal,
        onStep: ({ nowMs, stepMs: movedMs }) => {
          acting = acting.then(() => act(nowMs, movedMs));
        },
      });
      await acting;
    };
    // The first looks come after 5 and 30 minutes and 2 hours, the others every 6 hours. A step that ends just then would make a look come
    // a moment too early for the service: its clock stands still while the workflow repeats the look every 10 s of its own time.
    await move(3 * HOUR_MS, 25 * MINUTE_MS);
    await move(LONGEST_MS, 6 * HOUR_MS);
    if (eventsSent < 4 || (await isOpen(ids.quiet)) || (await isOpen(ids.busy)))
      throw new Error(`the month is not over: ${eventsSent} events sent`);
    return {
      quiet: await measure(client, facts, QUIET, jobs.quiet),
      busy: await measure(client, facts, BUSY, jobs.busy),
    };
  } finally {
    await connection.close();
  }
};

const polls = { what: 'a Describe every 30 s', value: POLLS, unit: 'calls' };

/**
 * See the head of this file. The simulator's clock runs on between the steps, as the workflows' does: two clocks that drift
 * apart make a hand-over look again and again.
 */
export const run: Part = async (): Promise<Figure[]> => {
  const stack = await startStack({ clock: 'real', without: ['consumer'] });
  try {
    const { quiet, busy } = await follow(stack.facts);
    return [
      figure('month: Describes', quiet.describes, 'calls', { baseline: polls, bar: atMost(140) }),
      figure('month: Temporal actions of the job', quiet.actions, 'actions', {
        baseline: { what: 'timer and activity every 60 s', value: 86_413, unit: 'actions' },
        bar: atMost(300),
        note: `${quiet.timers} timers, ${quiet.activities} activities, ${quiet.signals} signals; the chain's own run took ${quiet.chain.actions} more`,
      }),
      figure('month: history events of the job', quiet.events, 'events', {
        baseline: { what: 'the same poll loop', value: POLL_LOOP_EVENTS, unit: 'events' },
        bar: atMost(1_500),
        note: 'without the events of the moved clock',
      }),
      figure('month: history of the job', quiet.bytes / 1e3, 'KB', {
        bar: atMost(400),
        note: 'with the events of the moved clock',
      }),
      figure("month: Temporal actions of the job's chain beside it", quiet.chain.actions, 'actions'),
      figure('month: actions with worker events, one team active 12 hours a day', busy.actions, 'actions', {
        bar: atMost(1_000),
        note: `${busy.signals} signals, ${busy.describes} Describes, ${busy.events} events`,
      }),
      figure('month: history with worker events', busy.bytes / 1e3, 'KB'),
    ];
  } finally {
    await stack.stop();
  }
};
