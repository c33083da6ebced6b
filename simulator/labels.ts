/** The labels that workers give, by task type, in the shapes of AWS's guide (sms-data-output). Decided by the draw alone. */
import { between, type Draw } from './random.ts';
import type { TaskType } from './task-type.ts';

export type LabelContext = {
  type: TaskType;
  categories: readonly string[];
  /** `s3://…/<job-name>/annotations/consolidated-annotation/output`, without a slash at the end. */
  annotationsUri: string;
  jobName: string;
  atMs: number;
  workers: number;
};

/** The value under the label attribute and the metadata beside it. */
export type Label = { value: unknown; metadata: Readonly<Record<string, unknown>> };

/** Used when a job names no readable label category file. */
export const DEFAULT_CATEGORIES: readonly string[] = ['first', 'second', 'third'];

/** AWS's samples write no zone and six digits: `2018-10-18T22:18:13.527256`. */
export const formatCreationDate = (atMs: number): string => new Date(atMs).toISOString().replace('Z', '000');

const IMAGE_SIZE = { width: 1920, height: 1080, depth: 3 };

const rounded = (confidence: number): number => Math.round(confidence * 100) / 100;

/** The label of one object. `about` names the object for the draw. */
export const drawLabel = (draw: Draw, about: string, index: number, context: LabelContext): Label => {
  const { type, categories, workers } = context;
  const choice = between(draw('class', about), 0, categories.length);
  const name = categories[choice] ?? '';
  // AWS: exactly 0.00 when one worker answered.
  const confidence = workers === 1 ? 0 : rounded(draw('confidence', about));
  const common = {
    'job-name': context.jobName,
    'human-annotated': 'yes',
    'creation-date': formatCreationDate(context.atMs),
    ...(type.adjustment ? { 'adjustment-status': draw('adjusted', about) < 0.5 ? 'unadjusted' : 'adjusted' } : {}),
  };
  const single = (typeName: string): Label => ({
    value: choice,
    metadata: { 'class-name': name, confidence, type: `groundtruth/${typeName}`, ...common },
  });
  const multiple = (typeName: string): Label => ({
    value: [choice],
    metadata: {
      'class-map': { [choice]: name },
      'confidence-map': { [choice]: confidence },
      type: `groundtruth/${typeName}`,
      ...common,
    },
  });
  const sequence = (typeName: string): Label => ({
    value: `${context.annotationsUri}/${index}/SeqLabel.json`,
    metadata: { 'class-map': { [choice]: name }, type: `groundtruth/${typeName}`, ...common },
  });

  switch (type.name) {
    case 'ImageMultiClass':
      return single('image-classification');
    case 'TextMultiClass':
      return single('text-classification');
    case 'VideoMultiClass':
      return single('video-classification');
    case 'VerificationBoundingBox':
    case 'VerificationSemanticSegmentation':
      return single('label-verification');
    case 'ImageMultiClassMultiLabel':
      return multiple('image-classification-multilabel');
    case 'TextMultiClassMultiLabel':
      return multiple('text-classification-multilabel');
    case 'BoundingBox': {
      const width = between(draw('width', about), 20, 600);
      const height = between(draw('height', about), 20, 400);
      const left = between(draw('left', about), 0, IMAGE_SIZE.width - width);
      const top = between(draw('top', about), 0, IMAGE_SIZE.height - height);
      return {
        value: { image_size: [IMAGE_SIZE], annotations: [{ class_id: choice, top, left, height, width }] },
        metadata: {
          objects: [{ confidence }],
          'class-map': { [choice]: name },
          type: 'groundtruth/object-detection',
          ...common,
        },
      };
    }
    case 'SemanticSegmentation':
      return {
        value: `${context.annotationsUri}/${index}_${new Date(context.atMs).toISOString()}.png`,
        metadata: {
          'internal-color-map': {
            0: { 'class-name': 'BACKGROUND', 'hex-color': '#ffffff', confidence },
            1: { 'class-name': name, 'hex-color': '#2acf59', confidence },
          },
          type: 'groundtruth/semantic-segmentation',
          ...common,
        },
      };
    case 'NamedEntityRecognition':
      return {
        value: {
          annotations: { entities: [{ endOffset: 4, startOffset: 0, label: name }], labels: [{ label: name }] },
        },
        metadata: { entities: [{ confidence }], type: 'groundtruth/text-span', ...common },
      };
    case 'VideoObjectDetection':
      return sequence('video-object-detection');
    case 'VideoObjectTracking':
      return sequence('video-object-tracking');
    case '3DPointCloudObjectDetection':
      return sequence('point_cloud_object_detection');
    case '3DPointCloudObjectTracking':
      return sequence('point_cloud_object_tracking');
    case '3DPointCloudSemanticSegmentation':
      return sequence('point_cloud_semantic_segmentation');
    case 'Custom':
      return {
        value: { 'annotation-ref': `${context.annotationsUri}/${index}.json`, class: name },
        metadata: { type: 'groundtruth/custom', ...common },
      };
  }
};
