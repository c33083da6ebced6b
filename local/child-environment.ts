/**
 * The environment of every process that the local stack starts: built from nothing, so that no profile, endpoint,
 * address or key of the shell reaches it (DESIGN 9).
 */
import { devNull } from 'node:os';

/** What a program needs to run at all. Everything else of the shell stays outside. */
const PASSED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'TZ',
  'TMPDIR',
  'XDG_CACHE_HOME',
  'LABEL_RELAY_CACHE',
];

/** The account of the local stack: the one that moto uses. */
export const LOCAL_ACCOUNT = '123456789012';
/** The region of the local stack. */
export const LOCAL_REGION = 'us-east-1';
/** Keys that open nothing: the emulators do not check them, and real AWS refuses them. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'label-relay-local', secretAccessKey: 'label-relay-local' } as const;

/** Settings that keep the AWS SDKs and Temporal's clients from looking into the user's own files. */
const NOWHERE: Readonly<Record<string, string>> = {
  AWS_CONFIG_FILE: devNull,
  AWS_SHARED_CREDENTIALS_FILE: devNull,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
  AWS_REGION: LOCAL_REGION,
  AWS_DEFAULT_REGION: LOCAL_REGION,
  TEMPORAL_CONFIG_FILE: devNull,
};

/**
 * The environment for a child process.
 * @param extra added last, so it wins: what this child needs beyond the bare minimum.
 * @param shell the environment to take the bare minimum from.
 */
export const childEnvironment = (
  extra: Readonly<Record<string, string>> = {},
  shell: NodeJS.ProcessEnv = process.env,
): Record<string, string> => {
  const passed = Object.entries(shell).filter(([name]) => PASSED.includes(name) || name.startsWith('LC_'));
  const known = passed.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(known), ...NOWHERE, ...extra };
};
