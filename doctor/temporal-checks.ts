/** The checks of Temporal: the server, its namespace, our search attributes, and whether anybody works. */
import type { Connection } from '@temporalio/client';
import type { Config } from '../config.ts';
import { connect, isOperatorsOnly, registerElsewhere, temporalAddress } from '../connection.ts';
import { DAY_MS } from '../decisions/durations.ts';
import { INDEXED_VALUE_TYPES, SEARCH_ATTRIBUTES, type SearchAttributeName } from '../decisions/search-attributes.ts';
import { messageOf } from '../errors.ts';
import { failed, passed, runCheck, skipAll, skipped, type Report, type Verdict } from './findings.ts';

/** Workflow updates, which stop, resume and amend are, are supported by default from 1.25. Source: Temporal's release notes. */
const OLDEST_SERVER = [1, 25] as const;

/** Chains wait for late labels for a day after their last job; a shorter retention forgets them while people look. */
const SHORTEST_RETENTION_MS = DAY_MS;

/** A poller that has not asked for this long is gone. Long polls last a minute. Source: Temporal, task queue pollers. */
const RECENT_POLL_MS = 2 * 60_000;

const isOlder = (version: string): boolean => {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) < OLDEST_SERVER[0] || (Number(major) === OLDEST_SERVER[0] && Number(minor) < OLDEST_SERVER[1]);
};

const serverOf = async (connection: Connection, address: string): Promise<Verdict> => {
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  if (isOlder(serverVersion))
    return failed(
      `Temporal ${serverVersion} at ${address} is older than ${OLDEST_SERVER.join('.')}`,
      'upgrade the Temporal server',
    );
  return passed(`Temporal ${serverVersion} at ${address}`);
};

const retentionOf = (namespace: string, seconds: number): Verdict => {
  const days = Math.round((seconds / 86_400) * 10) / 10;
  if (seconds * 1000 < SHORTEST_RETENTION_MS)
    return failed(
      `the namespace ${namespace} forgets ended workflows after ${days} days`,
      `temporal operator namespace update --namespace ${namespace} --retention 30d`,
    );
  return passed(`${namespace}, ended workflows are kept for ${days} days (a chain's record in S3 stays)`);
};

const namespaceFailure =
  (namespace: string) =>
  (thrown: unknown): Verdict =>
    /not found|NOT_FOUND/i.test(messageOf(thrown))
      ? failed(
          `there is no namespace ${namespace}`,
          `set TEMPORAL_NAMESPACE, or: temporal operator namespace create --namespace ${namespace} --retention 30d`,
        )
      : failed(
          `the namespace ${namespace} cannot be read: ${messageOf(thrown)}`,
          'check TEMPORAL_API_KEY, or the client certificate, and what it may read',
        );

const searchAttributesOf = async (connection: Connection, namespace: string): Promise<Verdict> => {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const names = Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[];
  const missing = names.filter((name) => !(name in customAttributes));
  if (missing.length > 0)
    return failed(`the namespace ${namespace} lacks ${missing.join(', ')}`, 'run: label-relay setup');
  const wrong = names.filter((name) => customAttributes[name] !== INDEXED_VALUE_TYPES[SEARCH_ATTRIBUTES[name]]);
  if (wrong.length > 0)
    return failed(
      `of another type than ours: ${wrong.map((name) => `${name} (expected ${SEARCH_ATTRIBUTES[name]})`).join(', ')}`,
      `remove them (temporal operator search-attribute remove --name ${wrong[0]}), then run: label-relay setup`,
    );
  return passed(names.join(', '));
};

/** Numbers of task queue types in Temporal's API: temporal/api/enums/v1/task_queue.proto. */
const TASK_QUEUE_TYPES = { workflows: 1, activities: 2 } as const;

/** WORKER_VERSIONING_MODE_VERSIONED in Temporal's API: temporal/api/enums/v1/deployment.proto. */
const VERSIONED = 2;

type Version = { deploymentName: string; buildId: string };

/**
 * Who polls for one kind of task. The current version alone is given any, and the one that it is ramped to; without a current one,
 * unversioned workers are. `idleUnversioned`: one without a version polls beside a current one.
 */
type Polling = {
  count: number;
  /** How long ago the last poll was, in milliseconds, by this machine's clock; null if there was none. */
  lastPollAgoMs: number | null;
  current: Version | null;
  servedByCurrent: boolean;
  waiting: Version | null;
  idleUnversioned: boolean;
};

const pollingOf = async (
  connection: Connection,
  { temporal, taskQueue }: Config,
  taskQueueType: number,
): Promise<Polling> => {
  const { pollers, versioningInfo } = await connection.workflowService.describeTaskQueue({
    namespace: temporal.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType,
  });
  const nowMs = Date.now();
  const agoMs = (one: (typeof pollers)[number]): number => nowMs - Number(one.lastAccessTime?.seconds ?? 0) * 1000;
  const recent = pollers.filter((one) => agoMs(one) < RECENT_POLL_MS);
  const versions = recent.map(({ deploymentOptions: options }): Version | null =>
    options?.workerVersioningMode === VERSIONED
      ? { deploymentName: options.deploymentName ?? '', buildId: options.buildId ?? '' }
      : null,
  );
  const version = versioningInfo?.currentDeploymentVersion;
  const current =
    version === null || version === undefined || (version.buildId ?? '') === ''
      ? null
      : { deploymentName: version.deploymentName ?? '', buildId: version.buildId ?? '' };
  const rampsToUnversioned =
    (versioningInfo?.rampingVersionPercentage ?? 0) > 0 &&
    (versioningInfo?.rampingDeploymentVersion?.buildId ?? '') === '';
  return {
    count: recent.length,
    lastPollAgoMs: pollers.length === 0 ? null : Math.min(...pollers.map(agoMs)),
    current,
    servedByCurrent: versions.some(
      (one) => one?.deploymentName === current?.deploymentName && one?.buildId === current?.buildId,
    ),
    waiting: versions.find((one) => one !== null) ?? null,
    idleUnversioned: current !== null && !rampsToUnversioned && versions.includes(null),
  };
};

const workersOf = async (connection: Connection, config: Config): Promise<Verdict> => {
  const { taskQueue } = config;
  const idle: string[] = [];
  const counts: string[] = [];
  let lastPollAgoMs: number | null = null;
  for (const [role, taskQueueType] of Object.entries(TASK_QUEUE_TYPES)) {
    const polling = await pollingOf(connection, config, taskQueueType);
    const { count, current, servedByCurrent, waiting, idleUnversioned } = polling;
    counts.push(`${count} for ${role}`);
    if (count === 0) {
      idle.push(role);
      lastPollAgoMs ??= polling.lastPollAgoMs;
    } else if (!servedByCurrent)
      return failed(
        current === null
          ? `workers poll ${taskQueue} for ${role} as ${waiting?.deploymentName} ${waiting?.buildId}, and no version is current: they get nothing`
          : `the current version of ${taskQueue} is ${current.deploymentName} ${current.buildId}, and no worker of it polls for ${role}`,
        waiting === null
          ? `start workers of that version, or: temporal worker deployment set-current-version --deployment-name ${current?.deploymentName} --unversioned`
          : `temporal worker deployment set-current-version --deployment-name ${waiting.deploymentName} --build-id ${waiting.buildId}`,
      );
    else if (idleUnversioned)
      return failed(
        `a worker without a version polls ${taskQueue} for ${role}, or did two minutes ago, and gets nothing: the current version is ${current?.deploymentName} ${current?.buildId}`,
        `start it with TEMPORAL_DEPLOYMENT_NAME=${current?.deploymentName} and TEMPORAL_WORKER_BUILD_ID, or stop it`,
      );
  }
  if (idle.length > 0)
    return failed(
      lastPollAgoMs === null
        ? `nobody polls the task queue ${taskQueue} for ${idle.join(' and ')}; chains stand still`
        : `the task queue ${taskQueue} was last polled for ${idle.join(' and ')} ${Math.round(lastPollAgoMs / 60_000)} min ago by this machine's clock; if that is right, chains stand still`,
      `run: label-relay worker${idle.length === 2 ? '' : ` --only ${idle.join(',')}`} (with the same LABEL_RELAY_TASK_QUEUE)`,
    );
  return passed(`the task queue ${taskQueue} is polled: ${counts.join(', ')}`);
};

const unreachableServer = (thrown: unknown): Verdict =>
  failed(
    messageOf(thrown),
    'check TEMPORAL_ADDRESS, TEMPORAL_TLS and TEMPORAL_API_KEY (or the profile), or start a server: label-relay local',
  );

/** Makes all checks of Temporal; never throws. */
export const checkTemporal = async (config: Config, report: Report): Promise<void> => {
  const { namespace } = config.temporal;
  const rest = ['namespace', 'search-attributes', 'workers'] as const;
  let connection: Connection;
  try {
    ({ connection } = await connect(config));
  } catch (thrown) {
    report({ check: 'temporal-server', ...unreachableServer(thrown) });
    return skipAll(report, rest, 'the Temporal server was not reached');
  }
  try {
    await runCheck(report, 'temporal-server', () => serverOf(connection, temporalAddress(config)), unreachableServer);
    let exists = false;
    const readNamespace = async (): Promise<Verdict> => {
      const description = await connection.workflowService.describeNamespace({ namespace });
      exists = true;
      return retentionOf(namespace, Number(description.config?.workflowExecutionRetentionTtl?.seconds ?? 0));
    };
    await runCheck(report, 'namespace', readNamespace, namespaceFailure(namespace));
    if (!exists) return skipAll(report, rest.slice(1), `the namespace ${namespace} was not read`);
    await runCheck(
      report,
      'search-attributes',
      () => searchAttributesOf(connection, namespace),
      (thrown) =>
        isOperatorsOnly(thrown)
          ? skipped(`not checked, this identity may not list them; ${registerElsewhere(namespace)}`)
          : failed(messageOf(thrown), 'mend what the message names, then run: label-relay doctor'),
    );
    await runCheck(report, 'workers', () => workersOf(connection, config));
  } finally {
    await connection.close().catch(() => undefined);
  }
};
