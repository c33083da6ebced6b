/**
 * Writes docs/schema/spec.schema.json, the JSON Schema of a spec file, from the schema that the code itself reads with.
 * Run by `npm run schema`; a test holds the file to it. What spans several fields (the `-ref` endings, say) only the
 * code checks.
 */
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { specSchema } from '../decisions/spec.ts';

/** The file, from the root of the repository. */
export const SPEC_SCHEMA_PATH = 'docs/schema/spec.schema.json';

/** The text of the file: what a person writes (durations are texts). */
export const specSchemaText = (): string => {
  const schema = {
    title: 'label-relay spec',
    description:
      'A chain of SageMaker Ground Truth labeling jobs: its name, CreateLabelingJob without the name, a policy.',
    ...z.toJSONSchema(specSchema, { io: 'input' }),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
};

if (import.meta.main) await writeFile(SPEC_SCHEMA_PATH, specSchemaText());
