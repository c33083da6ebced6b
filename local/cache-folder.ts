/**
 * Where this project keeps what it downloads: the user's cache folder, never the checkout.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * `$LABEL_RELAY_CACHE/label-relay`, else `$XDG_CACHE_HOME/label-relay`, else `~/.cache/label-relay`. An empty variable counts as unset.
 */
export const cacheFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  join(env['LABEL_RELAY_CACHE'] || env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'label-relay');
