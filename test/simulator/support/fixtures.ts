/** Requests, manifests and accounts for the tests of the simulator. */
import { GroundTruth, type ApiAnswer } from '../../../simulator/ground-truth.ts';
import type { LedgerRecord } from '../../../simulator/ledger.ts';
import { MemoryBus, MemoryStore } from '../../../simulator/ports.ts';
import { parseScript, type ScriptSource } from '../../../simulator/script.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const START = Date.parse('2026-11-01T09:00:00Z');
export const MANIFEST_URI = 's3://data/input.manifest';

/** A request that AWS takes: image classification, one worker per object. */
export const createRequest = (name = 'birds-00000-001') => ({
  LabelingJobName: name,
  LabelAttributeName: 'species',
  InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: MANIFEST_URI } } },
  OutputConfig: { S3OutputPath: 's3://data/out/' },
  RoleArn: 'arn:aws:iam::123456789012:role/ground-truth',
  HumanTaskConfig: {
    WorkteamArn: 'arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/birders',
    UiConfig: { UiTemplateS3Uri: 's3://data/template.html' },
    PreHumanTaskLambdaArn: 'arn:aws:lambda:us-east-1:432418664414:function:PRE-ImageMultiClass',
    AnnotationConsolidationConfig: {
      AnnotationConsolidationLambdaArn: 'arn:aws:lambda:us-east-1:432418664414:function:ACS-ImageMultiClass',
    },
    TaskTitle: 'Name the bird',
    TaskDescription: 'Name the bird in the picture',
    NumberOfHumanWorkersPerDataObject: 1,
    TaskTimeLimitInSeconds: 600,
  },
});
export type Request = ReturnType<typeof createRequest>;

/** The request with some fields of HumanTaskConfig replaced. */
export const withHuman = (request: Request, human: object): object => ({
  ...request,
  HumanTaskConfig: { ...request.HumanTaskConfig, ...human },
});

export const manifestOf = (count: number): string =>
  Array.from({ length: count }, (_, index) => `{"source-ref": "s3://birds/${index}.jpg"}\n`).join('');

/** An account in memory with a manifest of `objects` lines. */
export const openAccount = ({
  objects = 20,
  script = {},
  seed = 1,
}: { objects?: number; script?: ScriptSource; seed?: number } = {}) => {
  const store = new MemoryStore();
  const bus = new MemoryBus();
  store.write(MANIFEST_URI, manifestOf(objects));
  const groundTruth = new GroundTruth({
    account: '123456789012',
    region: 'us-east-1',
    seed,
    startMs: START,
    store,
    bus,
    script: parseScript(script),
  });
  return {
    store,
    bus,
    groundTruth,
    call: (operation: string, input: unknown) => groundTruth.call(operation, input),
    create: (request: object = createRequest()) => groundTruth.call('CreateLabelingJob', request),
    /** Describe, or a failed test. */
    describe: async (name = 'birds-00000-001') =>
      asDescription(await groundTruth.call('DescribeLabelingJob', { LabelingJobName: name })),
    advance: (ms: number) => groundTruth.advanceTo(groundTruth.nowMs + ms),
    /** The output manifest's lines; none if it does not exist. */
    output: (name = 'birds-00000-001'): Record<string, unknown>[] =>
      (store.text(`s3://data/out/${name}/manifests/output/output.manifest`) ?? '')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    records: <Kind extends LedgerRecord['kind']>(kind: Kind) =>
      groundTruth.ledger.records.filter(
        (record): record is Extract<LedgerRecord, { kind: Kind }> => record.kind === kind,
      ),
  };
};

type Described = {
  LabelingJobStatus: string;
  LabelCounters: { TotalLabeled: number; Unlabeled: number; FailedNonRetryableError: number };
  CreationTime: number;
  LastModifiedTime: number;
  FailureReason?: string;
  LabelingJobOutput?: { OutputDatasetS3Uri: string };
};

const isDescribed = (body: object): body is Described => 'LabelingJobStatus' in body && 'LabelCounters' in body;

const asDescription = (answer: ApiAnswer): Described => {
  if (answer.kind !== 'ok' || !isDescribed(answer.body)) throw new Error(`no description: ${JSON.stringify(answer)}`);
  return answer.body;
};

/** `name: message` of an error answer, else the kind of the answer. */
export const errorOf = (answer: ApiAnswer): string =>
  answer.kind === 'error' ? `${answer.error.name}: ${answer.error.message}` : answer.kind;
