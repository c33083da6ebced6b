/** The template as plain data: CloudFormation's short forms in their long form, so that a test can look into them. */
import { z } from 'zod';
import { parse, type CollectionTag, type ScalarTag } from 'yaml';
import { readTemplate } from '../../infra/stack.ts';

const FUNCTIONS = ['GetAtt', 'Sub', 'If', 'Equals', 'Not', 'Split'] as const;
const long = (name: string) => (name === 'Ref' ? 'Ref' : `Fn::${name}`);

const scalarTag = (name: string): ScalarTag => ({ tag: `!${name}`, resolve: (text) => ({ [long(name)]: text }) });
const sequenceTag = (name: string): CollectionTag => ({
  tag: `!${name}`,
  collection: 'seq',
  resolve: (value) => ({ [long(name)]: 'toJSON' in value ? (value.toJSON() as unknown) : value }),
});

const resourceSchema = z.object({
  Type: z.string(),
  Condition: z.string().optional(),
  Properties: z.record(z.string(), z.any()),
});
const templateSchema = z.object({
  Parameters: z.record(z.string(), z.record(z.string(), z.any())),
  Conditions: z.record(z.string(), z.any()),
  Resources: z.record(z.string(), resourceSchema),
  Outputs: z.record(z.string(), z.any()),
});

export type Resource = z.infer<typeof resourceSchema>;

export const templateData = async () => {
  const customTags = [...['Ref', ...FUNCTIONS].map(scalarTag), ...FUNCTIONS.map(sequenceTag)];
  return templateSchema.parse(parse(await readTemplate(), { customTags }));
};
