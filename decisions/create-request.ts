/**
 * The job part of a spec: AWS's CreateLabelingJob request without its name, checked before anything is sent.
 * Lengths, patterns and ranges are those of the API shapes `CreateLabelingJobRequest` and its members; the rules that the
 * shapes do not carry (reserved attribute names, the `-ref` ending) are those of the LabelAttributeName documentation.
 */
import { z } from 'zod';

const s3Uri = z
  .string()
  .max(1024)
  .regex(/^s3:\/\/[^/]+\/?.*$/, 'must be an s3:// URI');
/** By what it names: its pattern, and what a person is told. */
const ARNS = {
  algorithm: [/^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:.+$/, 'a labeling algorithm'],
  lambda: [/^arn:aws[a-z-]*:lambda:[a-z0-9-]*:\d{12}:function:.+$/, 'a Lambda function'],
  model: [/^arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:model\/.+$/, 'a model'],
  role: [/^arn:aws[a-z-]*:iam::\d{12}:role\/[a-zA-Z_0-9+=,.@\-/]+$/, 'an IAM role (arn:aws:iam::<account>:role/…)'],
  topic: [/^arn:aws[a-z-]*:sns:[a-z0-9-]*:\d{12}:[a-zA-Z0-9_.-]+$/, 'an SNS topic'],
  ui: [/^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:human-task-ui\/.+$/, 'a worker task template'],
  workteam: [
    /^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:workteam\/.+$/,
    'a work team (arn:aws:sagemaker:<region>:<account>:workteam/…)',
  ],
} as const satisfies Record<string, readonly [RegExp, string]>;
const arn = (kind: keyof typeof ARNS, max = 2048) => {
  const [pattern, what] = ARNS[kind];
  return z.string().max(max).regex(pattern, `must be the ARN of ${what}`);
};
const kmsKeyId = z
  .string()
  .max(2048)
  .regex(/^[a-zA-Z0-9:/_-]*$/, 'must be the id or ARN of a KMS key');
const vpcId = z
  .string()
  .max(32)
  .regex(/^[-0-9a-zA-Z]+$/, 'must be letters, digits and hyphens');
/** API, TagKey and TagValue. */
const tagCharacters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const TAG_CHARACTERS = 'may hold letters, digits, spaces and _ . : / = + - @ only';

/** Task types whose label attribute must end with `-ref` (API, LabelAttributeName), as the built-in Lambdas name them. */
const refTaskTypes = [
  'SemanticSegmentation',
  'AdjustmentSemanticSegmentation',
  'VideoObjectDetection',
  'AdjustmentVideoObjectDetection',
  'VerificationVideoObjectDetection',
  'VideoObjectTracking',
  'AdjustmentVideoObjectTracking',
  'VerificationVideoObjectTracking',
  '3DPointCloudSemanticSegmentation',
  'Adjustment3DPointCloudSemanticSegmentation',
  'Verification3DPointCloudSemanticSegmentation',
  '3DPointCloudObjectTracking',
  'Adjustment3DPointCloudObjectTracking',
  'Verification3DPointCloudObjectTracking',
];

/** The part after `PRE-` or `ACS-` of AWS's built-in Lambdas; null for a Lambda of the user's own. */
export const taskTypeOf = (humanTask: {
  PreHumanTaskLambdaArn?: string | undefined;
  AnnotationConsolidationConfig?: { AnnotationConsolidationLambdaArn: string } | undefined;
}): string | null => {
  const lambda =
    humanTask.PreHumanTaskLambdaArn ?? humanTask.AnnotationConsolidationConfig?.AnnotationConsolidationLambdaArn ?? '';
  return /:function:(?:PRE|ACS)-([A-Za-z0-9]+)(?::|$)/.exec(lambda)?.[1] ?? null;
};

const labelAttributeName = z
  .string()
  .min(1)
  .max(127)
  .regex(/^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,126}$/, 'must be letters, digits and inner hyphens (no underscore, dot or $)')
  .refine((name) => !name.endsWith('-metadata'), 'must not end with -metadata: AWS keeps that ending for itself')
  .refine((name) => name !== 'source' && name !== 'source-ref', 'must not be source or source-ref: they name the data');

/** What the ending of the attribute name hangs on, readable also in a request that has other mistakes. */
const namedTask = z.object({
  LabelAttributeName: z.string(),
  HumanTaskConfig: z.object({
    PreHumanTaskLambdaArn: z.string().optional(),
    AnnotationConsolidationConfig: z.object({ AnnotationConsolidationLambdaArn: z.string() }).optional(),
  }),
});

/** What is wrong with the ending of the label attribute's name for its task type; null if nothing is. */
const attributeEndingProblem = (request: unknown): string | null => {
  const { data } = namedTask.safeParse(request);
  const taskType = data === undefined ? null : taskTypeOf(data.HumanTaskConfig);
  // PassThrough is the built-in Lambda of custom tasks: what their labels are, only their owner knows.
  if (data === undefined || taskType === null || taskType === 'PassThrough') return null;
  const { LabelAttributeName: name } = data;
  if (refTaskTypes.includes(taskType)) {
    return name.endsWith('-ref') ? null : `must end with -ref for the task type ${taskType}, for example ${name}-ref`;
  }
  return name.endsWith('-ref') ? `must not end with -ref for the task type ${taskType}` : null;
};

const humanTaskConfig = z.strictObject({
  WorkteamArn: arn('workteam', 256),
  UiConfig: z
    .strictObject({ UiTemplateS3Uri: s3Uri.optional(), HumanTaskUiArn: arn('ui', 1024).optional() })
    .refine((ui) => (ui.UiTemplateS3Uri === undefined) !== (ui.HumanTaskUiArn === undefined), {
      error: 'needs either UiTemplateS3Uri or HumanTaskUiArn, and not both',
    }),
  PreHumanTaskLambdaArn: arn('lambda').optional(),
  TaskKeywords: z
    .array(
      z
        .string()
        .min(1)
        .max(30)
        .regex(
          /^[A-Za-z0-9]+( [A-Za-z0-9]+)*$/,
          'must be words of the letters A to Z and digits, one space between them',
        ),
    )
    .min(1)
    .max(5)
    .optional(),
  TaskTitle: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\t\n\r -\uD7FF\uE000-\uFFFD]*$/, 'may hold no control characters and no emoji'),
  TaskDescription: z.string().min(1).max(255).regex(/^.+$/, 'must be one line'),
  NumberOfHumanWorkersPerDataObject: z.int().min(1).max(9),
  TaskTimeLimitInSeconds: z.int().min(30),
  TaskAvailabilityLifetimeInSeconds: z.int().min(60).optional(),
  MaxConcurrentTaskCount: z.int().min(1).max(5000).optional(),
  AnnotationConsolidationConfig: z.strictObject({ AnnotationConsolidationLambdaArn: arn('lambda') }).optional(),
  PublicWorkforceTaskPrice: z
    .strictObject({
      AmountInUsd: z
        .strictObject({
          Dollars: z.int().min(0).max(2).optional(),
          Cents: z.int().min(0).max(99).optional(),
          TenthFractionsOfACent: z.int().min(0).max(9).optional(),
        })
        .optional(),
    })
    .optional(),
});

/** CreateLabelingJob without LabelingJobName and ClientToken (there is none): the names of the jobs are the chain's. */
export const createRequestSchema = z
  .strictObject({
    LabelAttributeName: labelAttributeName,
    InputConfig: z.strictObject({
      DataSource: z
        .strictObject({
          S3DataSource: z.strictObject({ ManifestS3Uri: s3Uri }).optional(),
          SnsDataSource: z.strictObject({ SnsTopicArn: arn('topic') }).optional(),
        })
        .refine((source) => source.S3DataSource !== undefined || source.SnsDataSource !== undefined, {
          error: 'needs S3DataSource.ManifestS3Uri or SnsDataSource.SnsTopicArn',
        }),
      DataAttributes: z
        .strictObject({
          ContentClassifiers: z
            .array(z.enum(['FreeOfPersonallyIdentifiableInformation', 'FreeOfAdultContent']))
            .max(256)
            .optional(),
        })
        .optional(),
    }),
    OutputConfig: z.strictObject({
      S3OutputPath: s3Uri,
      KmsKeyId: kmsKeyId.optional(),
      SnsTopicArn: arn('topic').optional(),
    }),
    RoleArn: arn('role'),
    LabelCategoryConfigS3Uri: s3Uri.optional(),
    StoppingConditions: z
      .strictObject({
        MaxHumanLabeledObjectCount: z.int().min(1).optional(),
        MaxPercentageOfInputDatasetLabeled: z.int().min(1).max(100).optional(),
      })
      .optional(),
    LabelingJobAlgorithmsConfig: z
      .strictObject({
        LabelingJobAlgorithmSpecificationArn: arn('algorithm'),
        InitialActiveLearningModelArn: arn('model').optional(),
        LabelingJobResourceConfig: z
          .strictObject({
            VolumeKmsKeyId: kmsKeyId.optional(),
            VpcConfig: z
              .strictObject({
                SecurityGroupIds: z.array(vpcId).min(1).max(5),
                Subnets: z.array(vpcId).min(1).max(16),
              })
              .optional(),
          })
          .optional(),
      })
      .optional(),
    HumanTaskConfig: humanTaskConfig,
    Tags: z
      .array(
        z.strictObject({
          Key: z
            .string()
            .min(1)
            .max(128)
            .regex(tagCharacters, TAG_CHARACTERS)
            .refine(
              (key) => !/^(aws:|label-relay:)/i.test(key),
              'tags that begin with aws: or label-relay: are reserved; remove it',
            ),
          Value: z.string().max(256).regex(tagCharacters, TAG_CHARACTERS),
        }),
      )
      .max(50 - 5, 'at most 45 tags: AWS allows 50 and the chain adds 5 of its own')
      .optional(),
  })
  .refine((job) => attributeEndingProblem(job) === null, {
    path: ['LabelAttributeName'],
    error: (issue) => attributeEndingProblem(issue.input) ?? '',
    // Also beside other mistakes: a person gets all of them at once.
    when: () => true,
  });

/** CreateLabelingJob without the name, as the spec gives it. */
export type CreateRequest = z.infer<typeof createRequestSchema>;

/** A job fed by an SNS topic never ends by itself (AWS: streaming labeling jobs); we follow it and no more. */
export const isStreaming = (job: CreateRequest): boolean => job.InputConfig.DataSource.SnsDataSource !== undefined;
