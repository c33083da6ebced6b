/** Outputs that AWS may still write: what a merge and a create are told of the other jobs. */
import { outputManifestUri, outputsThatMayChange } from '../../decisions/known-outputs.ts';
import { chainOf, jobOf, specOf } from './builders.ts';

const usual = (jobName: string): string => outputManifestUri(specOf().job.OutputConfig.S3OutputPath, jobName);

test('an output lies under the path of the request, however that ends', () => {
  const uri = 's3://labels/birds/birds-abcde-001/manifests/output/output.manifest';
  expect(outputManifestUri('s3://labels/birds', 'birds-abcde-001')).toBe(uri);
  expect(outputManifestUri('s3://labels/birds/', 'birds-abcde-001')).toBe(uri);
});

test('I1: every job that AWS had, or never showed, and whose labels are not all there may still change; a place of its own is told', () => {
  const own = { uri: 's3://elsewhere/output.manifest', etag: 'e2' };
  const generations = [
    jobOf({ generation: 1, output: { uri: usual('birds-abcde-001'), etag: 'e1' } }),
    jobOf({ generation: 2, output: own }),
    jobOf({ generation: 3 }),
    jobOf({ generation: 4, complete: true, output: { uri: usual('birds-abcde-004'), etag: 'e4' } }),
    jobOf({ generation: 5, createdAtMs: null }),
    jobOf({ generation: 6, input: null }),
    jobOf({ generation: 7 }),
    jobOf({ generation: 8, createdAtMs: null, outcome: 'gone' }),
  ];
  const known = outputsThatMayChange(chainOf({ generations }), 7);
  expect(known).toEqual([
    { generation: 1, jobName: 'birds-abcde-001', uri: null, etag: 'e1' },
    { generation: 2, jobName: 'birds-abcde-002', ...own },
    { generation: 3, jobName: 'birds-abcde-003', uri: null, etag: null },
    { generation: 8, jobName: 'birds-abcde-008', uri: null, etag: null },
  ]);
  expect(outputsThatMayChange(chainOf({ generations }), null).map(({ generation }) => generation)).toEqual([
    1, 2, 3, 7, 8,
  ]);
});

test('I1: where the path was amended meanwhile, an output that was merged keeps its place', () => {
  const spec = specOf();
  const job = { ...spec.job, OutputConfig: { ...spec.job.OutputConfig, S3OutputPath: 's3://new/path' } };
  const output = { uri: usual('birds-abcde-001'), etag: 'e1' };
  const [known] = outputsThatMayChange(chainOf({ spec: { ...spec, job }, generations: [jobOf({ output })] }), null);
  expect(known).toMatchObject(output);
});
