/**
 * The requests of the SageMaker operations that Ground Truth needs. Lengths, patterns and ranges are AWS's (service
 * model 2017-07-24, the shape of the same name).
 */
import { z } from 'zod';

const text = (max: number, pattern: string, min = 0): z.ZodString =>
  z
    .string()
    .min(min)
    .max(max)
    .regex(new RegExp(`^(?:${pattern})$`, 'u'));

const whole = (min: number, max = 2 ** 31 - 1): z.ZodNumber => z.int().min(min).max(max);

const labelingJobName = text(63, '[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}', 1);
const s3Uri = text(1024, '(https|s3):\\/\\/([^\\/]+)\\/?(.*)');
const snsTopicArn = text(2048, 'arn:aws[a-z\\-]*:sns:[a-z0-9\\-]*:[0-9]{12}:[a-zA-Z0-9_.\\-]+');
const kmsKeyId = text(2048, '[a-zA-Z0-9:\\/_\\-]*');
const lambdaArn = text(2048, 'arn:aws[a-z\\-]*:lambda:[a-z0-9\\-]*:[0-9]{12}:function:.*');
const workteamArn = text(256, 'arn:aws[a-z\\-]*:sagemaker:[a-z0-9\\-]*:[0-9]{12}:workteam\\/.*');
const networkId = text(32, '[\\-0-9a-zA-Z]+');

export const tagSchema = z.object({
  Key: text(128, '([\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]*)', 1),
  Value: text(256, '([\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]*)'),
});
export type Tag = z.infer<typeof tagSchema>;
const tagList = z.array(tagSchema).max(50);

const humanTaskConfig = z.object({
  WorkteamArn: workteamArn,
  UiConfig: z.object({
    UiTemplateS3Uri: s3Uri.optional(),
    HumanTaskUiArn: text(1024, 'arn:aws[a-z\\-]*:sagemaker:[a-z0-9\\-]+:[0-9]{12}:human-task-ui\\/.*').optional(),
  }),
  PreHumanTaskLambdaArn: lambdaArn.optional(),
  TaskKeywords: z
    .array(text(30, '[A-Za-z0-9]+( [A-Za-z0-9]+)*', 1))
    .min(1)
    .max(5)
    .optional(),
  TaskTitle: text(128, '[\\t\\n\\r -\\uD7FF\\uE000-\\uFFFD]*', 1),
  TaskDescription: text(255, '.+', 1),
  NumberOfHumanWorkersPerDataObject: whole(1, 9),
  TaskTimeLimitInSeconds: whole(30),
  TaskAvailabilityLifetimeInSeconds: whole(60).optional(),
  MaxConcurrentTaskCount: whole(1, 5000).optional(),
  AnnotationConsolidationConfig: z.object({ AnnotationConsolidationLambdaArn: lambdaArn }).optional(),
  PublicWorkforceTaskPrice: z
    .object({
      AmountInUsd: z
        .object({
          Dollars: whole(0, 2).optional(),
          Cents: whole(0, 99).optional(),
          TenthFractionsOfACent: whole(0, 9).optional(),
        })
        .optional(),
    })
    .optional(),
});

export const createLabelingJobSchema = z.object({
  LabelingJobName: labelingJobName,
  LabelAttributeName: text(127, '[a-zA-Z0-9](-*[a-zA-Z0-9]){0,126}', 1),
  InputConfig: z.object({
    DataSource: z.object({
      S3DataSource: z.object({ ManifestS3Uri: s3Uri }).optional(),
      SnsDataSource: z.object({ SnsTopicArn: snsTopicArn }).optional(),
    }),
    DataAttributes: z
      .object({
        ContentClassifiers: z
          .array(z.enum(['FreeOfPersonallyIdentifiableInformation', 'FreeOfAdultContent']))
          .max(256)
          .optional(),
      })
      .optional(),
  }),
  OutputConfig: z.object({
    S3OutputPath: s3Uri,
    KmsKeyId: kmsKeyId.optional(),
    SnsTopicArn: snsTopicArn.optional(),
  }),
  RoleArn: text(2048, 'arn:aws[a-z\\-]*:iam::\\d{12}:role\\/?[a-zA-Z_0-9+=,.@\\-_\\/]+', 20),
  LabelCategoryConfigS3Uri: s3Uri.optional(),
  StoppingConditions: z
    .object({
      MaxHumanLabeledObjectCount: whole(1).optional(),
      MaxPercentageOfInputDatasetLabeled: whole(1, 100).optional(),
    })
    .optional(),
  LabelingJobAlgorithmsConfig: z
    .object({
      LabelingJobAlgorithmSpecificationArn: text(2048, 'arn:.*'),
      InitialActiveLearningModelArn: text(
        2048,
        'arn:aws[a-z\\-]*:sagemaker:[a-z0-9\\-]*:[0-9]{12}:model\\/.*',
        20,
      ).optional(),
      LabelingJobResourceConfig: z
        .object({
          VolumeKmsKeyId: kmsKeyId.optional(),
          VpcConfig: z
            .object({
              SecurityGroupIds: z.array(networkId).min(1).max(5),
              Subnets: z.array(networkId).min(1).max(16),
            })
            .optional(),
        })
        .optional(),
    })
    .optional(),
  HumanTaskConfig: humanTaskConfig,
  Tags: tagList.optional(),
});
/** A CreateLabelingJob request that passed AWS's checks of shape. */
export type CreateLabelingJob = z.infer<typeof createLabelingJobSchema>;

export const namedJobSchema = z.object({ LabelingJobName: labelingJobName });

/** AWS JSON 1.1 carries a time as seconds since the epoch. */
const timestamp = z.number();
const nextToken = text(8192, '.*');
const sortOrder = z.enum(['Ascending', 'Descending']);

export const JOB_STATUSES = ['Initializing', 'InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export const listLabelingJobsSchema = z.object({
  CreationTimeAfter: timestamp.optional(),
  CreationTimeBefore: timestamp.optional(),
  LastModifiedTimeAfter: timestamp.optional(),
  LastModifiedTimeBefore: timestamp.optional(),
  MaxResults: whole(1, 100).optional(),
  NextToken: nextToken.optional(),
  NameContains: text(63, '[a-zA-Z0-9\\-]+').optional(),
  SortBy: z.enum(['Name', 'CreationTime', 'Status']).optional(),
  SortOrder: sortOrder.optional(),
  StatusEquals: z.enum(JOB_STATUSES).optional(),
});
export type ListLabelingJobs = z.infer<typeof listLabelingJobsSchema>;

export const listForWorkteamSchema = z.object({
  WorkteamArn: workteamArn,
  MaxResults: whole(1, 100).optional(),
  NextToken: nextToken.optional(),
  CreationTimeAfter: timestamp.optional(),
  CreationTimeBefore: timestamp.optional(),
  JobReferenceCodeContains: text(255, '.+', 1).optional(),
  SortBy: z.enum(['CreationTime']).optional(),
  SortOrder: sortOrder.optional(),
});
export type ListForWorkteam = z.infer<typeof listForWorkteamSchema>;

export const describeWorkteamSchema = z.object({ WorkteamName: text(63, '[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}', 1) });

const resourceArn = text(256, 'arn:aws[a-z\\-]*:sagemaker:[a-z0-9\\-]*:[0-9]{12}:.+');

export const addTagsSchema = z.object({ ResourceArn: resourceArn, Tags: tagList });

export const listTagsSchema = z.object({
  ResourceArn: resourceArn,
  NextToken: nextToken.optional(),
  MaxResults: whole(50).optional(),
});
