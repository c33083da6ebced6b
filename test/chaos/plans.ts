/** Small chains, each with troubles of its own; all of it follows from a seed. */
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../local/child-environment.ts';
import type { ScriptSource } from '../../simulator/script.ts';
import { Draw } from '../simulation/temporal/draw.ts';

export const LABEL = 'species';

type JobRule = NonNullable<ScriptSource['jobs']>[number];
type ApiRule = NonNullable<ScriptSource['api']>[number];

/** What a person does to a chain, by its age. Milliseconds; null: never. */
export type Interruption = { stopAtMs: number | null; resumeAtMs: number | null };

export type ChainPlan = {
  name: string;
  /** What befalls its jobs, for the eye. */
  troubles: string[];
  manifest: string;
  spec: (bucket: string) => object;
  rules: JobRule[];
  api: ApiRule[];
  interruption: Interruption;
  /** Cap on objects that may be sent; null: none. */
  maxObjectsSent: number | null;
  /** When it is started, after the start of the run. Milliseconds. */
  startAtMs: number;
};

const seconds = (ms: number): string => `${Math.max(1, Math.round(ms / 1000))}s`;

/** The simulator's own words for a job that lived too long (`EXPIRY_REASON`). */
const EXPIRED = 'ClientError: The labeling job expired because it was not completed within 30 days of its creation.';

type Trouble = { name: string; rule: (chain: string, jobMs: number, draw: Draw) => JobRule };

const ofJob = (chain: string, generation: number): { name: string } => ({
  name: `${chain}-*-${String(generation).padStart(3, '0')}`,
});

const TROUBLES: readonly [Trouble, ...Trouble[]] = [
  {
    name: 'expires',
    rule: (chain, jobMs, draw) => ({
      match: ofJob(chain, draw.int(1, 2)),
      fail: { after: seconds(jobMs * 0.6), reason: EXPIRED },
    }),
  },
  {
    name: 'fails, the service',
    rule: (chain, jobMs, draw) => ({
      match: ofJob(chain, draw.int(1, 3)),
      fail: { after: seconds(jobMs * 0.5), reason: 'InternalServerError: We encountered an internal error.' },
    }),
  },
  {
    name: 'fails, unknown',
    rule: (chain, jobMs, draw) => ({
      match: ofJob(chain, draw.int(1, 3)),
      fail: { after: seconds(jobMs * 0.5), reason: 'Something that nobody has seen before' },
    }),
  },
  {
    name: 'fails, input',
    rule: (chain, jobMs, draw) => ({
      match: ofJob(chain, draw.int(1, 3)),
      fail: { after: seconds(jobMs * 0.4), reason: 'ClientError: Access Denied' },
    }),
  },
  {
    name: 'stopped by others',
    rule: (chain, jobMs, draw) => ({ match: ofJob(chain, draw.int(1, 3)), stop: { after: seconds(jobMs * 0.5) } }),
  },
  { name: 'declines', rule: (chain) => ({ match: { name: `${chain}-*` }, declines: { fraction: 0.15 } }) },
  { name: 'broken objects', rule: (chain) => ({ match: { name: `${chain}-*` }, broken: { fraction: 0.05 } }) },
  {
    name: 'late answers',
    rule: (chain, _jobMs, draw) => ({ match: { name: `${chain}-*` }, openTasks: draw.pick(['late', 'at-end']) }),
  },
  {
    name: 'bad events',
    rule: (chain, _jobMs, draw) => ({
      match: { name: `${chain}-*` },
      events: {
        drop: draw.pick([0, 0.3, 1]),
        repeat: draw.int(0, 3),
        delay: seconds(draw.int(0, 40) * 1000),
        beforeDescribe: seconds(draw.int(0, 20) * 1000),
        statuses: ['Initializing', 'InProgress', 'Stopping', 'Completed', 'Failed', 'Stopped'],
      },
    }),
  },
  {
    name: 'slow truth',
    rule: (chain, _jobMs, draw) => ({
      match: { name: `${chain}-*` },
      describeLag: seconds(draw.int(1, 30) * 1000),
      output: { late: seconds(draw.int(1, 90) * 1000), shuffled: draw.chance(0.5), serialization: 'spaced' },
    }),
  },
];

const apiRulesOf = (chain: string, draw: Draw): ApiRule[] => {
  if (!draw.chance(0.3)) return [];
  const job = `${chain}-*`;
  return [
    {
      op: 'CreateLabelingJob',
      job,
      nth: draw.int(1, 4),
      fault: draw.pick(['after-effect-timeout', 'after-effect-error', 'drop', 'ThrottlingException']),
    },
    { op: 'DescribeLabelingJob', job, nth: draw.int(1, 20), times: draw.int(1, 4), fault: 'ThrottlingException' },
  ];
};

/** Objects, a few of them twins of the one before and a few labeled before the chain began. */
const manifestOf = (chain: string, objects: number, draw: Draw): string => {
  const lines: string[] = [];
  while (lines.length < objects) {
    const object = { 'source-ref': `s3://birds/${chain}/${lines.length}.jpg` };
    if (draw.chance(0.04)) {
      const metadata = { type: 'groundtruth/image-classification', 'job-name': 'earlier', 'human-annotated': 'yes' };
      lines.push(JSON.stringify({ ...object, [LABEL]: 0, [`${LABEL}-metadata`]: metadata }));
    } else {
      lines.push(JSON.stringify(object));
      if (draw.chance(0.05)) lines.push(JSON.stringify(object));
    }
  }
  return `${lines.join('\n')}\n`;
};

const specOf = (name: string, perJob: number, policy: object) => (bucket: string) => ({
  chain: name,
  job: {
    LabelAttributeName: LABEL,
    InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: `s3://${bucket}/chaos/${name}.manifest` } } },
    OutputConfig: { S3OutputPath: `s3://${bucket}/labels` },
    RoleArn: `arn:aws:iam::${LOCAL_ACCOUNT}:role/GroundTruth`,
    StoppingConditions: { MaxHumanLabeledObjectCount: perJob },
    HumanTaskConfig: {
      WorkteamArn: `arn:aws:sagemaker:${LOCAL_REGION}:${LOCAL_ACCOUNT}:workteam/private-crowd/birders`,
      UiConfig: { UiTemplateS3Uri: `s3://${bucket}/chaos/template.html` },
      PreHumanTaskLambdaArn: `arn:aws:lambda:${LOCAL_REGION}:432418664414:function:PRE-ImageMultiClass`,
      TaskTitle: 'Name the bird',
      TaskDescription: 'Look and choose',
      NumberOfHumanWorkersPerDataObject: 1,
      TaskTimeLimitInSeconds: 28_800,
      AnnotationConsolidationConfig: {
        AnnotationConsolidationLambdaArn: `arn:aws:lambda:${LOCAL_REGION}:432418664414:function:ACS-ImageMultiClass`,
      },
    },
  },
  policy: { stoppingConditions: 'per-job', ...policy },
});

const troublesOf = (draw: Draw): Trouble[] => {
  const count = draw.pick([0, 1, 1, 2, 3]);
  return [...new Set(Array.from({ length: count }, () => draw.pick(TROUBLES)))];
};

/** How the chains of a run differ from those of another. */
export type PlanOptions = {
  /**
   * Nobody can move the clock: no answer comes hours after its job, the last look for late labels is due after minutes instead of
   * a day, and a job whose events are lost is looked at within minutes. All of it by what a policy may say.
   */
  realTime?: boolean;
};

/** The policy of a chain whose clock nobody moves. */
const REAL_TIME_POLICY = { lateLabels: '2m' };
const EARLY_RECONCILES = { reconcile: { first: ['1m', '3m'], every: '5m' } };

const inRealTime = (rule: JobRule): JobRule => (rule.openTasks === 'late' ? { ...rule, openTasks: 'at-end' } : rule);

const planOf = (
  draw: Draw,
  index: number,
  jobMsTypical: number,
  startWithinMs: number,
  { realTime = false }: PlanOptions,
): ChainPlan => {
  const name = `chaos-${String(index).padStart(3, '0')}`;
  const perJob = draw.int(3, 6);
  const objects = perJob * draw.int(2, 5) + draw.int(0, 2);
  const jobMs = jobMsTypical * (0.5 + draw.unit());
  const troubles = troublesOf(draw);
  const maxObjectsSent = draw.chance(0.06) ? objects : null;
  const stopAtMs = draw.chance(0.12) ? jobMs * (0.5 + 3 * draw.unit()) : null;
  const policy = {
    ...(realTime ? REAL_TIME_POLICY : {}),
    ...(draw.chance(0.4) || (realTime && troubles.some(({ name: trouble }) => trouble === 'bad events'))
      ? EARLY_RECONCILES
      : {}),
    ...(maxObjectsSent === null ? {} : { maxObjectsSent }),
  };
  // Quick to begin and to stop, so that a run has many jobs; everything else is as slow as AWS.
  const usual: JobRule = {
    match: { name: `${name}-*` },
    initializing: seconds(draw.int(3, 20) * 1000),
    workers: { count: 1, answerTime: seconds(jobMs / perJob) },
    stop: { takes: seconds(draw.int(1, 20) * 1000) },
    output: { late: seconds(draw.pick([0, 0, 5, 30]) * 1000), every: '45s', workerResponses: false },
  };
  return {
    name,
    troubles: troubles.map((trouble) => trouble.name),
    manifest: manifestOf(name, objects, draw),
    spec: specOf(name, perJob, policy),
    rules: [usual, ...troubles.map(({ rule }) => rule(name, jobMs, draw)).map(realTime ? inRealTime : (rule) => rule)],
    api: apiRulesOf(name, draw),
    interruption: {
      stopAtMs,
      resumeAtMs: stopAtMs !== null && draw.chance(0.7) ? stopAtMs + jobMs * (0.2 + draw.unit()) : null,
    },
    maxObjectsSent,
    startAtMs: Math.floor(draw.unit() * startWithinMs),
  };
};

/** Plans for so many chains; a typical job of theirs takes a twelfth of `durationMs`, and they start within its first third. */
export const plansOf = (seed: number, chains: number, durationMs: number, options: PlanOptions = {}): ChainPlan[] => {
  const draw = new Draw(seed ^ 0x0c4a05);
  return Array.from({ length: chains }, (_, index) =>
    planOf(draw.fork(), index, durationMs / 12, durationMs / 3, options),
  );
};

/** The simulator's script for all of them. */
export const scriptOf = (plans: readonly ChainPlan[]): ScriptSource => ({
  jobs: plans.flatMap(({ rules }) => rules),
  api: plans.flatMap(({ api }) => api),
});
