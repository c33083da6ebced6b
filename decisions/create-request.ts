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
const arn = (what: string, max: number) =>
  z
    .string()
    .max(max)
    .regex(/^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:.+$/, `must be the ARN of ${what}`);

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
  WorkteamArn: arn('a work team', 256).refine(
    (text) => /^arn:[^:]+:sagemaker:[a-z0-9-]+:\d{12}:workteam\/.+/.test(text),
    {
      error: 'must be the ARN of a work team (arn:aws:sagemaker:<region>:<account>:workteam/…)',
    },
  ),
  UiConfig: z
    .strictObject({ UiTemplateS3Uri: s3Uri.optional(), HumanTaskUiArn: arn('a worker task template', 1024).optional() })
    .refine((ui) => (ui.UiTemplateS3Uri === undefined) !== (ui.HumanTaskUiArn === undefined), {
      error: 'needs either UiTemplateS3Uri or HumanTaskUiArn, and not both',
    }),
  PreHumanTaskLambdaArn: arn('a Lambda function', 2048).optional(),
  TaskKeywords: z.array(z.string().min(1).max(30)).min(1).max(5).optional(),
  TaskTitle: z.string().min(1).max(128),
  TaskDescription: z.string().min(1).max(255),
  NumberOfHumanWorkersPerDataObject: z.int().min(1).max(9),
  TaskTimeLimitInSeconds: z.int().min(30),
  TaskAvailabilityLifetimeInSeconds: z.int().min(60).optional(),
  MaxConcurrentTaskCount: z.int().min(1).max(5000).optional(),
  AnnotationConsolidationConfig: z
    .strictObject({ AnnotationConsolidationLambdaArn: arn('a Lambda function', 2048) })
    .optional(),
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
          SnsDataSource: z.strictObject({ SnsTopicArn: arn('an SNS topic', 2048) }).optional(),
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
      KmsKeyId: z.string().max(2048).optional(),
      SnsTopicArn: arn('an SNS topic', 2048).optional(),
    }),
    RoleArn: arn('an IAM role', 2048).refine((text) => /^arn:[^:]+:iam::\d{12}:role\/.+/.test(text), {
      error: 'must be the ARN of an IAM role (arn:aws:iam::<account>:role/…)',
    }),
    LabelCategoryConfigS3Uri: s3Uri.optional(),
    StoppingConditions: z
      .strictObject({
        MaxHumanLabeledObjectCount: z.int().min(1).optional(),
        MaxPercentageOfInputDatasetLabeled: z.int().min(1).max(100).optional(),
      })
      .optional(),
    LabelingJobAlgorithmsConfig: z
      .strictObject({
        LabelingJobAlgorithmSpecificationArn: arn('a labeling algorithm', 2048),
        InitialActiveLearningModelArn: arn('a model', 2048).optional(),
        LabelingJobResourceConfig: z
          .strictObject({
            VolumeKmsKeyId: z.string().max(2048).optional(),
            VpcConfig: z
              .strictObject({
                SecurityGroupIds: z.array(z.string().max(32)).min(1).max(5),
                Subnets: z.array(z.string().max(32)).min(1).max(16),
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
            .refine(
              (key) => !/^(aws:|label-relay:)/i.test(key),
              'tags that begin with aws: or label-relay: are reserved; remove it',
            ),
          Value: z.string().max(256),
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
