/** What one seed stands for: chains with their data and policies, what Ground Truth and people do, and which faults there are. */
import type { ScriptSource } from '../../simulator/script.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../decisions/durations.ts';
import type { ActivityFaults } from './temporal/activity-tasks.ts';
import { Draw } from './temporal/draw.ts';
import type { WorkflowFaults } from './temporal/virtual-temporal.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'us-east-1';
export const START_MS = Date.parse('2026-11-01T09:00:00Z');
export const LABEL = 'species';

/** What a person does to a chain, at a time after the start of the run. */
export type Command =
  | {
      kind:
        | 'stop'
        | 'cancel-chain'
        | 'cancel-job'
        | 'terminate-chain'
        | 'terminate-job'
        | 'reset-chain'
        | 'reset-job'
        | 'retry-set-aside'
        /** Somebody tidies up: the output of a job is deleted, once a record says that it was merged. */
        | 'delete-output';
      atMs: number;
    }
  | { kind: 'resume'; atMs: number; acceptMissing: boolean }
  | { kind: 'add-objects'; atMs: number; uri: string; text: string }
  | { kind: 'amend'; atMs: number; changes: object };

export type ChainPlan = {
  name: string;
  spec: unknown;
  manifestUri: string;
  manifest: string;
  /** Cap on objects that may be sent; null: none. */
  maxObjectsSent: number | null;
  commands: Command[];
};

/** Faults of the event stream, of AWS's answers and of our processes; probabilities from 0 to 1. */
export type Faults = {
  workflow: WorkflowFaults;
  activity: ActivityFaults;
  eventDropped: number;
  eventRepeated: number;
  eventDelayed: number;
  eventForged: number;
  consumerCrash: number;
  awsCall: number;
  /** Time passes in the middle of an activity. */
  nudge: number;
};

export const NO_FAULTS: Faults = {
  workflow: { lostTask: 0, forgotten: 0, slowTask: 0, suggestContinueAsNew: 0 },
  activity: { lostBefore: 0, lostResult: 0, crash: 0, slow: 0 },
  eventDropped: 0,
  eventRepeated: 0,
  eventDelayed: 0,
  eventForged: 0,
  consumerCrash: 0,
  awsCall: 0,
  nudge: 0,
};

export type Scenario = {
  seed: number;
  chains: ChainPlan[];
  script: ScriptSource;
  faults: Faults;
  /** From then on nothing disturbs, in milliseconds from the start. */
  quietAfterMs: number;
  /** In the quiet phase events still never come: the reconcile has to do it alone. */
  quietWithoutEvents: boolean;
  /** Moments at which all workers are killed, and for how long nobody polls. */
  outages: { atMs: number; downMs: number }[];
};

const words: [string, ...string[]] = ['finch', 'heron', 'jay', 'kite', 'lark', 'Zaunkönig', 'wren "2"', 'tit'];

/** Manifest lines: plain, with further attributes, labeled before, identical twins, stale metadata. */
const manifestOf = (draw: Draw, chain: string, part: string, count: number): string => {
  const lines: string[] = [];
  while (lines.length < count) {
    const ref = `s3://data/${chain}/${part}-${lines.length}.jpg`;
    const base = draw.chance(0.15)
      ? {
          source: `${draw.pick(words)} ${part} ${lines.length}`,
          meta: { n: draw.pick([1, 1.5, 2e3]), list: [1, null] },
        }
      : { 'source-ref': ref };
    if (draw.chance(0.06)) {
      const metadata = { type: 'groundtruth/image-classification', 'job-name': 'earlier', 'human-annotated': 'yes' };
      lines.push(JSON.stringify({ ...base, [LABEL]: 0, [`${LABEL}-metadata`]: metadata }));
    } else {
      const line = draw.chance(0.1) ? JSON.stringify(base).replaceAll('":', '": ') : JSON.stringify(base);
      lines.push(line);
      if (draw.chance(0.08) && lines.length < count) lines.push(line);
    }
  }
  return `${lines.join('\n')}${draw.chance(0.5) ? '\n' : ''}`;
};

const span = (ms: number): string => `${Math.max(1, Math.round(ms / 1000))}s`;

type JobRule = NonNullable<ScriptSource['jobs']>[number];

const reasons: [string, ...string[]] = [
  'InternalServerError: We encountered an internal error. Please try again.',
  'ClientError: the pre-annotation Lambda function returned an error',
  'Something that nobody has seen before',
];

/** Soon or late: a job of few objects may be over before that, or hold only some of its labels. */
const sometime = (draw: Draw, hours: number): string =>
  span(draw.pick([draw.int(2, 240) * MINUTE_MS, draw.int(1, hours) * HOUR_MS]));

const whatHappens = (draw: Draw): JobRule => {
  // Each worker answers once at the very beginning: few of them, or nearly nothing would be left for later.
  const slow = { count: draw.pick([1, 1, 2]), ratePerHour: draw.pick([0.03, 0.2, 1, 4]) };
  switch (draw.int(0, 13)) {
    case 0:
    case 1:
      return { workers: slow, fail: { after: sometime(draw, 60), reason: draw.pick(reasons) } };
    case 2:
    case 3:
      return { workers: slow, stop: { after: sometime(draw, 100) } };
    case 4:
      return {
        workers: draw.chance(0.3) ? { count: 0 } : { ...slow, until: span(draw.int(0, 30) * HOUR_MS + MINUTE_MS) },
        expiry: draw.pick(['Failed', 'Completed', 'Stopped']),
      };
    case 5:
      return { declines: { fraction: draw.pick([0.2, 0.6, 1]) } };
    case 6:
      return { broken: { fraction: 0.3 }, returns: { fraction: 0.2 } };
    case 7:
    case 8:
      return { workers: { ...slow, answerTime: '30m' } };
    default:
      return { workers: { ratePerHour: draw.pick([10, 40, 200]) } };
  }
};

const howItIsTold = (draw: Draw): JobRule => ({
  openTasks: draw.pick(['never', 'at-end', 'late', 'late']),
  ...(draw.chance(0.3) ? { describeLag: span(draw.int(1, 120) * 1000) } : {}),
  ...(draw.chance(0.3)
    ? { counters: { zeroFor: draw.pick(['3m', '10m', '45m', '90m']), unlabeledIncludesFailed: draw.chance(0.5) } }
    : {}),
  ...(draw.chance(0.2) ? { initializing: span(draw.int(1, 200) * MINUTE_MS) } : {}),
  ...(draw.chance(0.2) ? { stop: { takes: span(draw.int(1, 400) * MINUTE_MS) } } : {}),
  output: {
    ...(draw.chance(0.4) ? { late: span(draw.pick([0, 1, 30, 100, 300]) * MINUTE_MS) } : {}),
    ...(draw.chance(0.12) ? { short: draw.pick([0.3, 0.8]) } : {}),
    ...(draw.chance(0.04) ? { missing: true } : {}),
    shuffled: draw.chance(0.2),
    serialization: draw.pick(['bytes', 'bytes', 'compact', 'spaced']),
    workerResponses: false,
  },
  events: {
    ...(draw.chance(0.3) ? { beforeDescribe: span(draw.int(1, 30) * MINUTE_MS) } : {}),
    ...(draw.chance(0.2)
      ? { statuses: ['Initializing', 'InProgress', 'Stopping', 'Completed', 'Failed', 'Stopped'] }
      : {}),
    ...(draw.chance(0.1) ? { workers: true } : {}),
  },
});

type ApiRules = NonNullable<ScriptSource['api']>;

const lostAnswers = (draw: Draw): ApiRules => [
  {
    op: 'CreateLabelingJob',
    nth: draw.int(1, 4),
    times: draw.int(1, 3),
    fault: draw.pick([
      'after-effect-timeout',
      'after-effect-error',
      'drop',
      'ThrottlingException',
      'ResourceLimitExceeded',
    ]),
  },
  { op: 'StopLabelingJob', nth: 1, fault: draw.pick(['after-effect-timeout', 'drop', 'ThrottlingException']) },
];

/** A permission that is taken away: from a hiccup to some hours. */
const blindness = (draw: Draw): ApiRules => [
  {
    op: 'DescribeLabelingJob',
    nth: draw.int(1, 12),
    times: draw.pick([1, 4, 12, 40]),
    fault: 'AccessDeniedException',
  },
];

const apiRules = (draw: Draw): ApiRules => [
  ...(draw.chance(0.3) ? lostAnswers(draw) : []),
  ...(draw.chance(0.15) ? blindness(draw) : []),
];

const policyOf = (draw: Draw, objects: number): Record<string, unknown> => ({
  reconcile: { every: draw.pick(['6h', '1d', '2d']) },
  ...(draw.chance(0.2) ? { handOver: draw.pick(['off', 'off', '1h', '1d']) } : {}),
  ...(draw.chance(0.2) ? { maxAttemptsPerObject: draw.int(1, 2) } : {}),
  ...(draw.chance(0.2) ? { maxObjectsPerJob: draw.int(1, objects) } : {}),
  ...(draw.chance(0.1) ? { maxJobs: draw.int(1, 4) } : {}),
  ...(draw.chance(0.2) ? { price: { perAnswer: 1, perObject: 1 }, maxCost: draw.int(2, objects * 4) } : {}),
  ...(draw.chance(0.3) ? { stoppingConditions: 'per-job' } : {}),
  ...(draw.chance(0.1) ? { nextInput: 'dataset' } : {}),
  ...(draw.chance(0.3) ? { notify: { topicArn: `arn:aws:sns:${REGION}:${ACCOUNT}:news` } } : {}),
});

const commandsOf = (draw: Draw, chain: string): Command[] => {
  const commands: Command[] = [];
  for (let count = draw.pick([0, 1, 2, 3, 4]); count > 0; count -= 1) {
    const atMs =
      draw.pick([draw.int(0, 300), draw.int(0, 3 * 1440), draw.int(0, 45 * 1440)]) * MINUTE_MS + draw.int(0, 59_999);
    const kind = draw.pick([
      'stop',
      'stop',
      'cancel-chain',
      'cancel-job',
      'terminate-chain',
      'terminate-job',
      'retry-set-aside',
      'resume',
      'add-objects',
      'amend',
    ] as const);
    if (kind === 'resume') commands.push({ kind, atMs, acceptMissing: draw.chance(0.5) });
    else if (kind === 'amend')
      commands.push({ kind, atMs, changes: { policy: { maxJobsWithoutProgress: draw.int(1, 5) } } });
    else if (kind === 'add-objects') {
      const uri = `s3://data/${chain}/more-${commands.length}.manifest`;
      commands.push({ kind, atMs, uri, text: manifestOf(draw, chain, `more${commands.length}`, draw.int(1, 4)) });
    } else commands.push({ kind, atMs });
  }
  if (draw.chance(0.15)) {
    const atMs = draw.pick([draw.int(0, 300), draw.int(0, 10 * 1440)]) * MINUTE_MS + draw.int(0, 59_999);
    commands.push({ kind: draw.pick(['reset-chain', 'reset-chain', 'reset-job'] as const), atMs });
  }
  if (draw.chance(0.1)) commands.push({ kind: 'delete-output', atMs: draw.int(0, 30 * 1440) * MINUTE_MS });
  if (draw.chance(0.15)) {
    const atMs = draw.pick([draw.int(0, 300), draw.int(0, 10 * 1440)]) * MINUTE_MS + draw.int(0, 59_999);
    const HumanTaskConfig = { NumberOfHumanWorkersPerDataObject: draw.int(1, 3) };
    commands.push({ kind: 'amend', atMs, changes: { job: { HumanTaskConfig } } });
  }
  return commands;
};

const chainOf = (draw: Draw, name: string): ChainPlan => {
  const objects = draw.pick([draw.int(1, 6), draw.int(3, 16)]);
  const manifestUri = `s3://data/${name}/input.manifest`;
  const maxObjectsSent = draw.chance(0.15) ? draw.int(1, objects * 2) : null;
  const lambda = (kind: string): string => `arn:aws:lambda:${REGION}:432418664414:function:${kind}-ImageMultiClass`;
  const spec = {
    chain: name,
    job: {
      LabelAttributeName: LABEL,
      InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: manifestUri } } },
      OutputConfig: { S3OutputPath: `s3://data/out${draw.chance(0.5) ? '/' : ''}` },
      RoleArn: `arn:aws:iam::${ACCOUNT}:role/ground-truth`,
      ...(draw.chance(0.2) ? { StoppingConditions: { MaxHumanLabeledObjectCount: draw.int(1, objects) } } : {}),
      HumanTaskConfig: {
        WorkteamArn: `arn:aws:sagemaker:${REGION}:${ACCOUNT}:workteam/private-crowd/birders`,
        UiConfig: { UiTemplateS3Uri: 's3://data/template.html' },
        PreHumanTaskLambdaArn: lambda('PRE'),
        AnnotationConsolidationConfig: { AnnotationConsolidationLambdaArn: lambda('ACS') },
        TaskTitle: 'Name the bird',
        TaskDescription: 'Name the bird in the picture',
        NumberOfHumanWorkersPerDataObject: draw.pick([1, 1, 1, 2]),
        TaskTimeLimitInSeconds: 28_800,
        ...(draw.chance(0.2) ? { TaskAvailabilityLifetimeInSeconds: draw.int(1, 5) * 86_400 } : {}),
        MaxConcurrentTaskCount: draw.pick([1000, 2, 5]),
      },
    },
    policy: { ...policyOf(draw, objects), ...(maxObjectsSent === null ? {} : { maxObjectsSent }) },
  };
  const manifest = manifestOf(draw, name, 'a', objects);
  return { name, spec, manifestUri, manifest, maxObjectsSent, commands: commandsOf(draw, name) };
};

const faultsOf = (draw: Draw): Faults => {
  const level = draw.pick([0.3, 1, 1, 2]);
  return {
    workflow: {
      lostTask: 0.01 * level,
      forgotten: 0.01 * level,
      slowTask: 0.05 * level,
      suggestContinueAsNew: draw.pick([0, 0.05, 0.3]),
    },
    activity: { lostBefore: 0.01 * level, lostResult: 0.02 * level, crash: 0.04 * level, slow: 0.1 * level },
    eventDropped: draw.pick([0, 0.2, 0.2, 1]),
    eventRepeated: 0.2 * level,
    eventDelayed: 0.3,
    eventForged: 0.3 * level,
    consumerCrash: 0.1 * level,
    awsCall: 0.02 * level,
    nudge: 0.02 * level,
  };
};

/** Everything that a seed decides. Equal seeds, equal scenarios. */
export const scenarioOf = (seed: number): Scenario => {
  const draw = new Draw(seed);
  const count = draw.pick([1, 1, 1, 2]);
  const chains = Array.from({ length: count }, (_, index) => chainOf(draw.fork(), `sim${index}`));
  const jobs = Array.from({ length: 16 }, (_, index): JobRule => {
    const rule = draw.fork();
    const happens = whatHappens(rule);
    const told = howItIsTold(rule);
    const stop = { ...happens.stop, ...told.stop };
    return { match: { nth: index + 1 }, ...happens, ...told, ...(Object.keys(stop).length > 0 ? { stop } : {}) };
  });
  return {
    seed,
    chains,
    script: { jobs, api: apiRules(draw.fork()), notFound: draw.pick(['ResourceNotFound', 'ValidationException']) },
    faults: faultsOf(draw.fork()),
    quietAfterMs: draw.pick([5, 20, 60, 100]) * DAY_MS,
    quietWithoutEvents: draw.chance(0.5),
    outages: draw.chance(0.4)
      ? [{ atMs: draw.int(0, 20 * 1440) * MINUTE_MS, downMs: draw.pick([1, 60, 600]) * MINUTE_MS }]
      : [],
  };
};
