/** What the pattern of LabelAttributeName does not say (API: LabelAttributeName; guide: sms-reusing-data, sms-data-output). */
import { needsRefAttribute, type TaskType } from './task-type.ts';

const reserved: ReadonlySet<string> = new Set(['source', 'source-ref']);

/** Why the name cannot be used for this task type; null if it can. */
export const refuseLabelAttribute = (name: string, type: TaskType): string | null => {
  if (reserved.has(name)) return `LabelAttributeName ${name} is reserved.`;
  if (name.endsWith('-metadata')) return `LabelAttributeName ${name} can not end with -metadata.`;
  if (needsRefAttribute(type) && !name.endsWith('-ref')) {
    return `LabelAttributeName ${name} must end with -ref for the task type ${type.name}.`;
  }
  // A custom job decides about its labels itself.
  if (!needsRefAttribute(type) && type.name !== 'Custom' && name.endsWith('-ref')) {
    return `LabelAttributeName ${name} can not end with -ref for the task type ${type.name}.`;
  }
  return null;
};
