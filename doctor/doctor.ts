/** `label-relay doctor` as a function: every check that the configuration allows, in order. Changes nothing. */
import { access, constants } from 'node:fs/promises';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';
import { sageMakerClient } from '../activities/clients.ts';
import { CONTROL_MS, timeouts } from '../aws-timeouts.ts';
import { loadConfig, type Config, type Environment } from '../config.ts';
import { InputError } from '../errors.ts';
import { workerEventSource } from '../worker/event-stream-settings.ts';
import { WORKER_EVENT_DETAIL_TYPES } from '../events/rule.ts';
import { STATE_CHANGE_DETAIL_TYPE } from '../events/state-change-pattern.ts';
import { checkAws } from './aws-checks.ts';
import { checkEventPath, type EventCheckClients, type EventPath } from './event-checks.ts';
import { CHECKS, failed, passed, runCheck, skipAll, type Check, type Finding, type Report } from './findings.ts';
import { checkTemporal } from './temporal-checks.ts';

export type DoctorOptions = {
  env: Environment;
  /** Of this package. */
  version: string;
  /** Of Node, as `process.versions.node`. */
  nodeVersion: string;
  /** Begin of the names that the worker's role allows; empty: any. */
  jobNamePrefix: string;
};

export const OLDEST_NODE_MAJOR = 22;

const stateChangePath = (queueUrl: string): EventPath => ({
  queueUrl,
  variable: 'LABEL_RELAY_QUEUE_URL',
  detailTypes: [STATE_CHANGE_DETAIL_TYPE],
  remedy: `run: label-relay aws rule create --queue ${queueUrl}`,
  checks: { queue: 'queue', deadLetters: 'dead-letter-queue', rule: 'rule', target: 'target' },
});

const workerEventPath = (queueUrl: string): EventPath => ({
  queueUrl,
  variable: 'LABEL_RELAY_WORKER_EVENTS_QUEUE_URL',
  detailTypes: WORKER_EVENT_DETAIL_TYPES,
  remedy: `run: label-relay aws rule create --worker-events --queue ${queueUrl}`,
  checks: {
    queue: 'worker-events-queue',
    deadLetters: 'worker-events-dead-letter-queue',
    rule: 'worker-events-rule',
    target: 'worker-events-target',
  },
});

const checkMachine = async ({ version, nodeVersion }: DoctorOptions, config: Config, report: Report): Promise<void> => {
  await runCheck(report, 'versions', async () =>
    Number(nodeVersion.split('.')[0]) < OLDEST_NODE_MAJOR
      ? failed(`Node ${nodeVersion} is too old`, `install Node ${OLDEST_NODE_MAJOR} or later`)
      : passed(`label-relay ${version}, Node ${nodeVersion}`),
  );
  const { temporaryDirectory } = config;
  await runCheck(
    report,
    'temporary-folder',
    async () => {
      await access(temporaryDirectory, constants.W_OK);
      return passed(temporaryDirectory);
    },
    () => failed(`${temporaryDirectory} cannot be written to`, 'set LABEL_RELAY_TMPDIR to a folder that can'),
  );
};

const pathChecks = (path: EventPath): Check[] => Object.values(path.checks);

const checkPath = async (
  path: EventPath | null,
  checks: readonly Check[],
  whyNone: string,
  clients: EventCheckClients,
  report: Report,
): Promise<void> => {
  if (path === null) skipAll(report, checks, whyNone);
  else await checkEventPath(path, clients, report);
};

const checkAccount = async (options: DoctorOptions, config: Config, report: Report): Promise<void> => {
  const { queueUrl, workerEvents, workerEventsQueueUrl, region } = config;
  const awsChecks = CHECKS.slice(CHECKS.indexOf('credentials'));
  if (region === null) {
    const remedy = 'set AWS_REGION (a region of a profile is not read), such as AWS_REGION=us-east-1';
    report({ check: 'credentials', ...failed('no region is set', remedy) });
    return skipAll(report, awsChecks.slice(1), 'no region is set');
  }
  // A person waits: fewer attempts and shorter patience than a worker has.
  const patience = { region, maxAttempts: 2, ...timeouts(CONTROL_MS) };
  const events = new EventBridgeClient(patience);
  const sqs = new SQSClient(patience);
  const account = { sagemaker: sageMakerClient(patience), sts: new STSClient(patience), iam: new IAMClient(patience) };
  try {
    const accepted = await checkAws(config, region, account, options.jobNamePrefix, report);
    const eventChecks = CHECKS.slice(CHECKS.indexOf('queue'));
    if (!accepted) return skipAll(report, eventChecks, 'there are no accepted credentials');
    const stateChanges = queueUrl === null ? null : stateChangePath(queueUrl);
    const whyNoQueue =
      'LABEL_RELAY_QUEUE_URL is not set: here no events are received, and chains go on by their reconciles alone';
    await checkPath(stateChanges, pathChecks(stateChangePath('')), whyNoQueue, { sqs, events, region }, report);
    const workers =
      workerEvents === 'eventbridge' && workerEventsQueueUrl !== null ? workerEventPath(workerEventsQueueUrl) : null;
    const whyNoWorkers =
      workerEvents === 'log'
        ? 'worker events are read from the log'
        : 'worker events are off (LABEL_RELAY_WORKER_EVENTS)';
    await checkPath(workers, pathChecks(workerEventPath('')), whyNoWorkers, { sqs, events, region }, report);
  } finally {
    for (const client of [events, sqs, ...Object.values(account)]) client.destroy();
  }
};

/** Makes every check and reports each as it is made. Never throws for what is wrong. */
export const examine = async (options: DoctorOptions, report: Report): Promise<Finding[]> => {
  const findings: Finding[] = [];
  const note: Report = (finding) => {
    findings.push(finding);
    report(finding);
  };
  let config: Config;
  try {
    config = loadConfig(options.env);
    // As a worker that consumes would refuse it.
    if (config.queueUrl !== null) workerEventSource(config);
  } catch (thrown) {
    if (!(thrown instanceof InputError)) throw thrown;
    for (const problem of thrown.problems)
      note({ check: 'configuration', ...failed(problem, 'correct the variable; docs/configuration.md lists all') });
    skipAll(note, CHECKS.slice(1), 'the configuration cannot be read');
    return findings;
  }
  note({ check: 'configuration', ...passed('every variable can be read') });
  await checkMachine(options, config, note);
  await checkTemporal(config, note);
  await checkAccount(options, config, note);
  return findings;
};
