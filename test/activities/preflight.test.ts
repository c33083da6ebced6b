/** The checks before anything is paid, through real clients: what is an error, a warning, skipped, passed. */
import { createServer } from 'node:http';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { checkCors, checkRole } from '../../activities/preflight-access.ts';
import type { AddFinding, Finding } from '../../activities/preflight-findings.ts';
import { preflightActivities, type PreflightInput } from '../../activities/preflight.ts';
import { recordActivities } from '../../activities/records.ts';
import { newChain, type ChainState } from '../../decisions/chain-state.ts';
import type { ScriptSource } from '../../simulator/script.ts';
import { startMemoryS3, type MemoryS3 } from '../support/memory-s3.ts';
import { stopAfterTests } from '../support/servers.ts';
import { manifestText, manifestUriOf, specOf } from '../workflows/support/spec.ts';
import { openSageMaker } from './sagemaker.ts';

let s3: MemoryS3;
beforeAll(async () => {
  s3 = await startMemoryS3();
  stopAfterTests(s3.close);
  s3.store.write('s3://data/template.html', '<crowd-form></crowd-form>');
});
afterEach(() => {
  s3.fault = null;
});

type Place = { script?: ScriptSource; regions?: string[]; accounts?: string[] };

const check = async (chain: string, input: Partial<PreflightInput> = {}, place: Place = {}) => {
  const { sagemaker } = await openSageMaker(place.script ?? {});
  const { checkSpec } = preflightActivities({
    s3: () => s3.client,
    sagemaker,
    iam: () =>
      new IAMClient({
        region: 'us-east-1',
        endpoint: 'http://127.0.0.1:9',
        maxAttempts: 1,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      }),
    regions: place.regions ?? [],
    accounts: place.accounts ?? [],
  });
  return checkSpec({ spec: specOf(chain), purpose: 'start', manifestUri: null, ...input });
};

const of = (findings: Finding[], level: Finding['level']): string[] =>
  findings.filter((finding) => finding.level === level).map((finding) => finding.check);

test('a good spec has no error; a price that is not set is a warning; what cannot be looked at is skipped, not passed', async () => {
  s3.store.write(manifestUriOf('good'), manifestText('good', 3));
  for (const index of [0, 1, 2]) s3.store.write(`s3://data/good/${index}.jpg`, 'a picture');
  const { findings, objects } = await check('good');
  expect(of(findings, 'error')).toEqual([]);
  expect(of(findings, 'warning')).toEqual(['price']);
  expect(of(findings, 'skipped')).toEqual(['cors', 'role']);
  expect(of(findings, 'passed')).toEqual(
    expect.arrayContaining(['output-path', 'manifest', 'ui-template', 'work-team', 'objects']),
  );
  expect(objects).toMatchObject({ total: 3, labeled: 0 });
});

test('mistakes in the manifest are listed with their lines; nothing is started then', async () => {
  s3.store.write(manifestUriOf('lines'), `${manifestText('lines', 1)}{"source-ref":\n{"nothing":1}\n`);
  const { findings, objects } = await check('lines');
  const errors = findings.filter(({ level }) => level === 'error').map(({ message }) => message);
  expect(errors.some((message) => message.includes('line 2'))).toBe(true);
  expect(errors.some((message) => message.includes('line 3'))).toBe(true);
  expect(objects).toBeNull();
});

test('a manifest, a template and a work team that are not there are errors', async () => {
  const spec = specOf('absent', {
    job: {
      HumanTaskConfig: { ...specOf('absent').job.HumanTaskConfig, UiConfig: { UiTemplateS3Uri: 's3://data/no.html' } },
    },
  });
  const { findings } = await check('absent', { spec }, { script: { absentWorkteams: ['*/birders'] } });
  expect(of(findings, 'error')).toEqual(['manifest', 'ui-template', 'work-team']);
});

test('a public work team is a warning: its answers cost money at once', async () => {
  s3.store.write(manifestUriOf('public'), manifestText('public', 1));
  const WorkteamArn = 'arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default';
  const spec = specOf('public', { job: { HumanTaskConfig: { ...specOf('public').job.HumanTaskConfig, WorkteamArn } } });
  const { findings } = await check('public', { spec });
  expect(findings.filter((finding) => finding.check === 'work-team')).toEqual([
    { level: 'warning', check: 'work-team', message: expect.stringContaining('public (Mechanical Turk)') },
  ]);
  expect(of(findings, 'error')).toEqual([]);
});

test('another region or account than the worker’s is an error, and nothing is asked there', async () => {
  const { findings } = await check('elsewhere', {}, { regions: ['eu-west-1'], accounts: ['999999999999'] });
  expect(of(findings, 'error')).toEqual(['region', 'account']);
});

test('objects that do not exist are a warning with an example', async () => {
  s3.store.write(manifestUriOf('sample'), manifestText('sample', 2));
  const { findings } = await check('sample');
  expect(findings.find((finding) => finding.check === 'objects')).toMatchObject({
    level: 'warning',
    message: expect.stringContaining('s3://data/sample/0.jpg'),
  });
});

test('objects that are not in S3 are a warning with an example, and nothing else is kept from being looked at', async () => {
  const manifest = `${manifestText('elsewhere', 1)}{"source-ref":"https://pictures.example/1.jpg"}\n`;
  s3.store.write(manifestUriOf('elsewhere'), manifest);
  s3.store.write('s3://data/elsewhere/0.jpg', 'a picture');
  const { findings } = await check('elsewhere');
  expect(findings.filter((finding) => finding.check === 'objects')).toEqual([
    { level: 'warning', check: 'objects', message: expect.stringContaining('https://pictures.example/1.jpg') },
    { level: 'passed', check: 'objects', message: 'the first 1 objects are there' },
  ]);
  expect(of(findings, 'error')).toEqual([]);
  expect(of(findings, 'skipped')).toEqual(['cors', 'role']);
});

describe('what S3 and IAM say', () => {
  const answering = async (body: string): Promise<string> => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stopAfterTests(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}`;
  };
  const settings = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const found = async (run: (add: AddFinding) => Promise<void>): Promise<string[]> => {
    const findings: string[] = [];
    await run((level) => void findings.push(level));
    return findings;
  };

  test.each([
    ['GET', 'passed'],
    ['PUT', 'warning'],
  ])('CORS that allows %s: %s', async (method, level) => {
    const rules = `<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>${method}</AllowedMethod></CORSRule>`;
    const endpoint = await answering(`<CORSConfiguration>${rules}</CORSConfiguration>`);
    const client = new S3Client({ ...settings, endpoint, forcePathStyle: true });
    expect(await found((add) => checkCors(add, client, ['s3://data/1.jpg']))).toEqual([level]);
  });

  test.each([
    ['allowed', 'passed'],
    ['implicitDeny', 'warning'],
    [null, 'skipped'],
  ])('a role of which IAM says %s: %s', async (decision, level) => {
    const results = decision === null ? '' : `<member><EvalDecision>${decision}</EvalDecision></member>`;
    const result = `<SimulatePrincipalPolicyResult><EvaluationResults>${results}</EvaluationResults></SimulatePrincipalPolicyResult>`;
    const endpoint = await answering(`<SimulatePrincipalPolicyResponse>${result}</SimulatePrincipalPolicyResponse>`);
    const client = new IAMClient({ ...settings, endpoint });
    expect(await found((add) => checkRole(add, client, specOf('role')))).toEqual([level]);
  });
});

test('a bucket of which the worker may list only the prefix that it needs is not refused: it is not looked at as a whole', async () => {
  s3.store.write(manifestUriOf('by-prefix'), manifestText('by-prefix', 2));
  s3.fault = (method, uri) => (method === 'HEAD' && uri === 's3://data/' ? 'AccessDenied' : null);
  const { findings } = await check('by-prefix');
  expect(of(findings, 'skipped')).toContain('output-path');
  expect(findings.filter(({ level, check: name }) => level === 'error' && name === 'output-path')).toEqual([]);
});

test.each([
  ['s3://data/template.html', 'ui-template'],
  [manifestUriOf('denied'), 'manifest'],
])('what the chain has to read is an error where the worker may not: %s', async (refused, name) => {
  s3.store.write(manifestUriOf('denied'), manifestText('denied', 2));
  s3.fault = (_method, uri) => (uri === refused ? 'AccessDenied' : null);
  const { findings } = await check('denied');
  const [finding, ...others] = findings.filter((one) => one.check === name);
  expect(others).toEqual([]);
  expect(finding?.level).toBe('error');
  expect(finding?.message).toMatch(/the worker may not read it .*s3:GetObject/);
});

describe('a chain that exists', () => {
  const record = (chain: string, changes: Partial<ChainState>): Promise<unknown> => {
    s3.store.write(manifestUriOf(chain), manifestText(chain, 2));
    const state = { ...newChain(specOf(chain), 'run-1'), ...changes };
    const pending = { manifestUris: [], retrySetAside: false, copyAssets: false };
    return recordActivities({ s3: () => s3.client }).writeRecord({ state, pending, sequence: 0 });
  };
  const ended: Partial<ChainState> = {
    phase: { kind: 'ended', lateLookDone: true },
    end: { status: 'labeled', reason: 'all', atMs: null, finalManifestUri: null, leftoverReportUri: null },
    dataset: {
      version: 0,
      manifestUri: '',
      statesUri: '',
      total: 2,
      labeled: 2,
      remaining: 0,
      setAside: 0,
      doubled: 0,
    },
  };

  test('keeps its name: a start says how to go on with it', async () => {
    await record('exists', ended);
    const { findings } = await check('exists');
    expect(findings.find(({ level }) => level === 'error')?.message).toContain('label-relay resume exists');
  });

  test('is resumed only if there is something to do', async () => {
    await record('labeled', ended);
    const resumeOptions = { acceptMissing: false, retrySetAside: false };
    const { findings, recorded } = await check('labeled', { purpose: 'resume', resumeOptions });
    expect(of(findings, 'error')).toEqual(['resume']);
    expect(recorded?.chain).toBe('labeled');
    expect(of((await check('nowhere', { purpose: 'resume', resumeOptions })).findings, 'error')).toEqual([
      'chain-name',
    ]);
  });

  test('is resumed by what its record names: the spec only says where that is', async () => {
    await record('recorded', { ...ended, manifestUris: ['s3://data/one.manifest', 's3://data/two.manifest'] });
    const spec = specOf('recorded', { job: { LabelCategoryConfigS3Uri: 's3://data/gone.json' } });
    const resumed = await check('recorded', { purpose: 'resume', spec });
    expect(of(resumed.findings, 'error')).toEqual([]);
    expect(resumed.recordedManifests).toEqual(['s3://data/one.manifest', 's3://data/two.manifest']);
    expect(of((await check('recorded', { purpose: 'amend', spec })).findings, 'error')).toEqual(['label-categories']);
  });

  test('is amended although what it names is gone: its record is all that is looked at', async () => {
    const spec = specOf('to-mend', { job: { LabelCategoryConfigS3Uri: 's3://data/gone.json' } });
    await record('to-mend', { ...ended, spec });
    const { findings, recorded } = await check('to-mend', { purpose: 'record', spec });
    expect(of(findings, 'error')).toEqual([]);
    expect(recorded?.job.LabelCategoryConfigS3Uri).toBe('s3://data/gone.json');
  });

  test('takes a category file that has all the old categories, and no other', async () => {
    const withFile = (uri: string) => specOf('categories', { job: { LabelCategoryConfigS3Uri: uri } });
    s3.store.write('s3://data/old.json', '{"labels":[{"label":"crow"},{"label":"owl"}]}');
    s3.store.write('s3://data/more.json', '{"labels":[{"label":"owl"},{"label":"crow"},{"label":"jay"}]}');
    s3.store.write('s3://data/less.json', '{"labels":[{"label":"owl"},{"label":"jay"}]}');
    await record('categories', { ...ended, spec: withFile('s3://data/old.json') });
    const more = await check('categories', { purpose: 'amend', spec: withFile('s3://data/more.json') });
    expect(of(more.findings, 'error')).toEqual([]);
    const less = await check('categories', { purpose: 'amend', spec: withFile('s3://data/less.json') });
    expect(less.findings.find(({ level }) => level === 'error')?.message).toMatch(/lacks the categories crow/);
    const none = await check('categories', { purpose: 'amend', spec: specOf('categories') });
    expect(of(none.findings, 'error')).toEqual(['label-categories']);
  });
});
