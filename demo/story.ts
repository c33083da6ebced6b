/**
 * The demo's story: a spec as a person would write it, and what the simulator makes happen. 120 objects; generation 1
 * runs into the end of its 30 days, 2 fails for a service reason, 3 ends by its stopping condition, 4 finishes. Four
 * pictures are declined by everybody and are set aside after three attempts.
 */
import type { ScriptSource } from '../simulator/script.ts';

export const DEMO_CHAIN = 'demo-birds';
export const DEMO_LABEL_ATTRIBUTE = 'species';

export type DemoPlace = { bucket: string; region: string; account: string };

export const demoUris = ({ bucket }: Pick<DemoPlace, 'bucket'>) => ({
  manifest: `s3://${bucket}/demo/input.manifest`,
  categories: `s3://${bucket}/demo/label-categories.json`,
  template: `s3://${bucket}/demo/ui-template.liquid.html`,
});

export const demoSpec = (place: DemoPlace): unknown => {
  const uris = demoUris(place);
  return {
    chain: DEMO_CHAIN,
    job: {
      LabelAttributeName: DEMO_LABEL_ATTRIBUTE,
      InputConfig: { DataSource: { S3DataSource: { ManifestS3Uri: uris.manifest } } },
      OutputConfig: { S3OutputPath: `s3://${place.bucket}/labels` },
      RoleArn: `arn:aws:iam::${place.account}:role/GroundTruthExecution`,
      LabelCategoryConfigS3Uri: uris.categories,
      StoppingConditions: { MaxHumanLabeledObjectCount: 40 },
      HumanTaskConfig: {
        WorkteamArn: `arn:aws:sagemaker:${place.region}:${place.account}:workteam/private-crowd/ornithologists`,
        UiConfig: { UiTemplateS3Uri: uris.template },
        PreHumanTaskLambdaArn: `arn:aws:lambda:${place.region}:432418664414:function:PRE-ImageMultiClass`,
        TaskTitle: 'Name the bird',
        TaskDescription: 'Look at the picture or read the note and choose the species.',
        NumberOfHumanWorkersPerDataObject: 1,
        TaskTimeLimitInSeconds: 28_800,
        AnnotationConsolidationConfig: {
          AnnotationConsolidationLambdaArn: `arn:aws:lambda:${place.region}:432418664414:function:ACS-ImageMultiClass`,
        },
      },
    },
    policy: {
      stoppingConditions: 'per-job',
      price: { perAnswer: 0.05, perObject: 0.08, currency: 'USD' },
    },
  };
};

export const demoScript: ScriptSource = {
  // The names of the jobs carry a part of the run id: hanging on them, no seed would repeat a run.
  chance: 'order',
  jobs: [
    { match: {}, declines: { objects: ['*-blurred.jpg'] } },
    // A slow team, still at work when the job has to be handed over: its open answers are published late.
    { match: { nth: 1 }, workers: { ratePerHour: 0.04, answerTime: '7h' }, openTasks: 'late' },
    {
      match: { nth: 2 },
      workers: { ratePerHour: 0.2 },
      fail: { after: '2d', reason: 'InternalServerError: We encountered an internal error. Please try again.' },
    },
    { match: { nth: 3 }, workers: { ratePerHour: 4 } },
    { match: { nth: 4 }, workers: { ratePerHour: 4 } },
  ],
};
