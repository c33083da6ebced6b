/** Names that two processes must agree on, and back. */
import fc from 'fast-check';
import {
  CHAIN_NAME_MAX_LENGTH,
  DEFAULT_TASK_QUEUE,
  JOB_TAGS,
  accountOfArn,
  chainOfWorkflowId,
  chainSuffix,
  isChainName,
  isLabelingJobName,
  labelingChainWorkflowId,
  labelingJobName,
  labelingJobWorkflowId,
  parseLabelingJobArn,
  regionOfArn,
} from '../../decisions/names.ts';

const arn = (name: string, start = 'arn:aws:sagemaker:us-east-1:111122223333'): string =>
  `${start}:labeling-job/${name}`;

test.each(['a', 'birds', 'birds-2026', 'a--b', '7', 'a'.repeat(53)])('"%s" is a chain name', (name) => {
  expect(isChainName(name)).toBe(true);
});

test.each(['', '-a', 'a-', 'Birds', 'a_b', 'a.b', 'a b', 'ä', 'a\n', 'a'.repeat(54)])(
  '"%s" is no chain name',
  (name) => {
    expect(isChainName(name)).toBe(false);
  },
);

test.each([
  ['a', true],
  ['Birds-1', true],
  ['a'.repeat(63), true],
  ['a'.repeat(64), false],
  ['', false],
  ['a_b', false],
  ['a-', false],
  ['-a', false],
])('"%s" as a name of a labeling job: %s', (name, valid) => {
  expect(isLabelingJobName(name)).toBe(valid);
});

test('the suffix is the random end of the run id, never its time', () => {
  expect(chainSuffix('019ab3c4-0000-7000-8000-0000000ABCDE')).toBe('abcde');
  expect(chainSuffix('0-1-2-3-4')).toBe('01234');
});

test('the longest chain name gives a job name that AWS takes', () => {
  const name = labelingJobName('a'.repeat(CHAIN_NAME_MAX_LENGTH), 'abcde', 999);
  expect(name).toHaveLength(63);
  expect(isLabelingJobName(name)).toBe(true);
  expect(labelingJobName('birds', 'abcde', 7)).toBe('birds-abcde-007');
  expect(labelingJobName('birds', 'abcde', 1_234)).toBe('birds-abcde-1234');
});

test('a chain’s workflow id leads back to its name, another id to none', () => {
  expect(labelingChainWorkflowId('birds')).toBe('labeling-chain:birds');
  expect(chainOfWorkflowId('labeling-chain:birds')).toBe('birds');
  for (const id of [
    'labeling-chain:',
    'labeling-chain:Birds',
    'birds',
    'labeling-job:birds',
    'xlabeling-chain:birds',
  ]) {
    expect(chainOfWorkflowId(id)).toBeNull();
  }
});

test('a job’s workflow id does not mind the case of its name: AWS does not either', () => {
  expect(labelingJobWorkflowId({ account: '111122223333', region: 'us-east-1', jobName: 'Birds-ABCDE-001' })).toBe(
    'labeling-job:111122223333:us-east-1:birds-abcde-001',
  );
});

test.each([
  ['aws', 'us-east-1'],
  ['aws-cn', 'cn-north-1'],
  ['aws-us-gov', 'us-gov-west-1'],
  ['aws-iso', 'us-iso-east-1'],
  ['aws-iso-b', 'us-isob-east-1'],
  ['aws-iso-e', 'eu-isoe-west-1'],
  ['aws-iso-f', 'us-isof-south-1'],
  ['aws-eusc', 'eusc-de-east-1'],
])('an ARN of the partition %s is read', (partition, region) => {
  expect(parseLabelingJobArn(`arn:${partition}:sagemaker:${region}:111122223333:labeling-job/Birds-1`)).toEqual({
    account: '111122223333',
    region,
    jobName: 'Birds-1',
  });
});

test.each([
  '',
  'birds',
  arn(''),
  arn('a'.repeat(64)),
  arn('a_b'),
  arn('a-'),
  `x${arn('a')}`,
  `${arn('a')} `,
  arn('a', 'arn:aws:sagemaker:us-east-1:11112222333'),
  arn('a', 'arn:aws:sagemaker:us-east-1:1111222233334'),
  arn('a', 'arn:aws:sagemaker:useast1:111122223333'),
  arn('a', 'arn:aws:sqs:us-east-1:111122223333'),
  arn('a', 'arn:azure:sagemaker:us-east-1:111122223333'),
  'arn:aws:sagemaker:us-east-1:111122223333:training-job/a',
  arn('a', `arn:aws:sagemaker:${'a'.repeat(240)}-1:111122223333`),
])('"%s" is no ARN of a labeling job', (text) => {
  expect(parseLabelingJobArn(text)).toBeNull();
});

test('of any ARN, the account and the region, where there are any', () => {
  expect(accountOfArn('arn:aws:iam::111122223333:role/x')).toBe('111122223333');
  expect(regionOfArn('arn:aws:iam::111122223333:role/x')).toBeNull();
  expect(regionOfArn('arn:aws:sagemaker:us-east-1:111122223333:workteam/x')).toBe('us-east-1');
  expect(accountOfArn('arn:aws:s3:::bucket')).toBeNull();
  expect(accountOfArn('x arn:aws:iam::111122223333:role/x')).toBeNull();
  expect(regionOfArn('x arn:aws:iam:us-east-1:111122223333:role/x')).toBeNull();
  expect(accountOfArn('arn:aws:iam::1111222233334:role/x')).toBeNull();
});

test('what is read of an ARN is what it was made of', () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9](-?[a-zA-Z0-9]){0,30}$/);
  fc.assert(
    fc.property(name, (jobName) => {
      expect(parseLabelingJobArn(arn(jobName))).toEqual({ account: '111122223333', region: 'us-east-1', jobName });
    }),
  );
});

test('the names of tags and of the task queue stay', () => {
  expect(JOB_TAGS).toEqual({
    chain: 'label-relay:chain',
    generation: 'label-relay:generation',
    request: 'label-relay:request',
    run: 'label-relay:run',
    stop: 'label-relay:stop',
  });
  expect(DEFAULT_TASK_QUEUE).toBe('label-relay');
});
