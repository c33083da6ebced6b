/** Changes to a chain by a person: parts of the request and the policy, further objects. They hold from the next job on. */
import { z } from 'zod';
import { createRequestSchema, taskTypeOf, type CreateRequest } from './create-request.ts';
import { accountOfArn, regionOfArn } from './names.ts';
import { policyProblems, policySchema, resolvePolicy, type PolicyInput } from './policy-schema.ts';
import type { Policy } from './policy.ts';
import { problemText, withKnownFields } from './problems.ts';
import type { Spec } from './spec.ts';

/** The whole new spec, or every mistake in the changes, one line each. */
export type AmendReading = { kind: 'spec'; spec: Spec } | { kind: 'problems'; problems: string[] };

const changesSchema = z.strictObject({
  job: z.record(z.string(), z.unknown()).optional(),
  policy: policySchema.optional(),
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects are merged field by field; everything else is replaced; null takes a field away. */
const mergeInto = (base: unknown, change: unknown): unknown => {
  if (!isRecord(base) || !isRecord(change)) return change;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete merged[key];
    else merged[key] = mergeInto(base[key], value);
  }
  return merged;
};

/** Of `resolved`, the fields that `given` names (a duration is `lifetime` there and `lifetimeMs` here), over `old`. */
const over = <Part extends object>(old: Part, resolved: Part, given: readonly string[]): Part => ({
  ...old,
  ...Object.fromEntries(
    Object.entries(resolved).filter(([key]) => given.includes(key) || given.includes(key.replace(/Ms$/, ''))),
  ),
});

const keysOf = (value: object | undefined): string[] => Object.keys(value ?? {});

/** Objects of the policy are merged field by field too; a field in `removed` gets its default again. */
const amendPolicy = (policy: Policy, input: PolicyInput, removed: readonly string[], job: CreateRequest): Policy => {
  const resolved = resolvePolicy(input, {
    taskType: taskTypeOf(job.HumanTaskConfig),
    hasAlgorithms: job.LabelingJobAlgorithmsConfig !== undefined,
  });
  const { reconcile, price, failureReasons, notify } = input;
  const merged: Policy = {
    ...resolved,
    reconcile: over(policy.reconcile, resolved.reconcile, keysOf(reconcile)),
    price:
      policy.price === null || resolved.price === null
        ? resolved.price
        : over(policy.price, resolved.price, keysOf(price)),
    failureReasons: over(policy.failureReasons, resolved.failureReasons, keysOf(failureReasons)),
    notify: over(policy.notify, resolved.notify, keysOf(notify)),
  };
  return over(over(policy, merged, keysOf(input)), resolved, removed);
};

/** Automated labeling that comes or goes brings the default of `nextInput` with it, unless the changes say another. */
const removedBy = (old: CreateRequest, job: CreateRequest, input: PolicyInput): string[] => {
  const isSwitched =
    (old.LabelingJobAlgorithmsConfig === undefined) !== (job.LabelingJobAlgorithmsConfig === undefined);
  return isSwitched && input.nextInput === undefined ? ['nextInput'] : [];
};

/** What cannot change while labels under the old spec exist, one line each. */
const refusals = (old: Spec, job: CreateRequest): string[] => {
  const problems: string[] = [];
  const fixed = (path: string, before: string, after: string): void => {
    if (before !== after)
      problems.push(`${path}: cannot be amended (it is ${before}); start another chain for ${after}`);
  };
  fixed('job.LabelAttributeName', old.job.LabelAttributeName, job.LabelAttributeName);
  fixed('job.OutputConfig.S3OutputPath', old.job.OutputConfig.S3OutputPath, job.OutputConfig.S3OutputPath);
  fixed('the account of job.RoleArn', old.account, accountOfArn(job.RoleArn) ?? 'none');
  fixed(
    'the region of job.HumanTaskConfig.WorkteamArn',
    old.region,
    regionOfArn(job.HumanTaskConfig.WorkteamArn) ?? 'none',
  );
  fixed('the task type', taskTypeOf(old.job.HumanTaskConfig) ?? 'custom', taskTypeOf(job.HumanTaskConfig) ?? 'custom');
  const source = (request: CreateRequest): string => JSON.stringify(request.InputConfig.DataSource);
  if (source(old.job) !== source(job)) {
    problems.push('job.InputConfig.DataSource: cannot be amended; give further objects with amend --manifest s3://…');
  }
  return problems;
};

/** `null` in the policy takes a field back to its default: its name is kept apart from the fields that are given. */
const withoutNulls = (policy: unknown): { given: unknown; removed: string[] } => {
  if (!isRecord(policy)) return { given: policy, removed: [] };
  const removed = Object.keys(policySchema.shape).filter((key) => policy[key] === null);
  return {
    given: Object.fromEntries(Object.entries(policy).filter(([key]) => !removed.includes(key))),
    removed,
  };
};

/** Reads changes (`{ "job": { … }, "policy": { … } }`, only what changes) against the spec that a chain has now. */
export const readAmendment = (old: Spec, changes: unknown): AmendReading => {
  const { given, removed } = withoutNulls(isRecord(changes) ? changes['policy'] : undefined);
  const parsed = changesSchema.safeParse(
    isRecord(changes) && given !== undefined ? { ...changes, policy: given } : changes,
    {
      reportInput: true,
      error: withKnownFields,
    },
  );
  if (!parsed.success) {
    return { kind: 'problems', problems: parsed.error.issues.flatMap((issue) => problemText(issue, 'the changes')) };
  }
  const job = createRequestSchema.safeParse(mergeInto(old.job, parsed.data.job ?? {}), {
    reportInput: true,
    error: withKnownFields,
  });
  if (!job.success) {
    return {
      kind: 'problems',
      problems: job.error.issues.flatMap((issue) => problemText({ ...issue, path: ['job', ...issue.path] })),
    };
  }
  const input = parsed.data.policy ?? {};
  const defaults = [...removed, ...removedBy(old.job, job.data, input)];
  const policy = amendPolicy(old.policy, input, defaults, job.data);
  const problems = [...refusals(old, job.data), ...policyProblems(policy)];
  if (problems.length > 0) return { kind: 'problems', problems };
  return { kind: 'spec', spec: { ...old, job: job.data, policy } };
};
