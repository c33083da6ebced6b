/**
 * The spec file: `{ "chain": …, "job": { CreateLabelingJob without the name }, "policy": { … } }`.
 * Reading it lists every mistake with its path, never only the first.
 */
import { z } from 'zod';
import { createRequestSchema, isStreaming, taskTypeOf, type CreateRequest } from './create-request.ts';
import { CHAIN_NAME_MAX_LENGTH, accountOfArn, isChainName, regionOfArn } from './names.ts';
import { problemText } from './problems.ts';
import { policySchema, resolvePolicy, type Policy } from './policy.ts';

const chainNameHelp = `must be lower case letters, digits and inner hyphens, at most ${CHAIN_NAME_MAX_LENGTH}`;

export const specSchema = z.strictObject({
  chain: z.string().refine(isChainName, chainNameHelp),
  job: createRequestSchema,
  policy: policySchema.optional(),
});

/** A spec as the rest of the code sees it: checked, every default filled in. Plain JSON. */
export type Spec = {
  chain: string;
  job: CreateRequest;
  policy: Policy;
  /** From the work team's ARN: jobs run where their team is. */
  region: string;
  /** From RoleArn. */
  account: string;
  streaming: boolean;
};

export type SpecReading = { kind: 'spec'; spec: Spec } | { kind: 'problems'; problems: string[] };

/**
 * The skeleton that `aws sagemaker create-labeling-job --generate-cli-skeleton` prints holds every optional field with
 * an empty text: an empty text, list or object is read as "not given".
 */
const withoutEmpties = (value: unknown): unknown => {
  if (Array.isArray(value)) {
    const items = value.map(withoutEmpties).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).flatMap(([key, inner]) => {
      const kept = key === 'Value' ? inner : withoutEmpties(inner);
      return kept === undefined ? [] : [[key, kept] as const];
    });
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }
  return value === '' ? undefined : value;
};

/** Every mistake in a spec, as lines such as `job.HumanTaskConfig.TaskTitle: is missing (expected string)`. */
export const readSpec = (input: unknown): SpecReading => {
  const given: unknown = withoutEmpties(input) ?? {};
  const problems: string[] = [];
  if (
    typeof given === 'object' &&
    given !== null &&
    'job' in given &&
    typeof given.job === 'object' &&
    given.job !== null
  ) {
    if ('LabelingJobName' in given.job) {
      problems.push(
        'job.LabelingJobName: must be left out; the chain names its jobs <chain>-<5 characters>-<generation>',
      );
      const { LabelingJobName: _, ...job } = given.job;
      given.job = job;
    }
  }
  const result = specSchema.safeParse(given, { reportInput: true });
  if (!result.success) problems.push(...result.error.issues.flatMap(problemText));
  if (!result.success || problems.length > 0) return { kind: 'problems', problems };
  const { chain, job, policy } = result.data;
  const region = regionOfArn(job.HumanTaskConfig.WorkteamArn);
  const account = accountOfArn(job.RoleArn);
  if (region === null) return { kind: 'problems', problems: ['job.HumanTaskConfig.WorkteamArn: names no region'] };
  if (account === null) return { kind: 'problems', problems: ['job.RoleArn: names no account'] };
  const resolved = resolvePolicy(policy ?? {}, {
    taskType: taskTypeOf(job.HumanTaskConfig),
    hasAlgorithms: job.LabelingJobAlgorithmsConfig !== undefined,
  });
  if (resolved.handOverMs !== null && resolved.handOverMs >= resolved.lifetimeMs) {
    return { kind: 'problems', problems: ['policy.handOver: must be shorter than policy.lifetime'] };
  }
  if (resolved.maxCost !== null && resolved.price === null) {
    return { kind: 'problems', problems: ['policy.maxCost: needs policy.price to count with'] };
  }
  return { kind: 'spec', spec: { chain, job, policy: resolved, region, account, streaming: isStreaming(job) } };
};
