/**
 * Turns what pip prints when it fails into one sentence for a person: the cause and the fix.
 */

const NETWORK =
  /NewConnectionError|Failed to establish a new connection|Temporary failure in name resolution|Name or service not known|nodename nor servname|Network is unreachable|Connection refused|ConnectTimeout|Read timed out|ReadTimeoutError|Connection (?:reset|aborted)|ProxyError|Max retries exceeded|RemoteDisconnected/i;
const CERTIFICATE = /CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError/i;
const HASH = /DO NOT MATCH THE HASHES|Hashes are required/i;
const SPACE = /No space left on device|Errno 28|Disk quota exceeded/i;
const NO_WHEEL = /No matching distribution found for (\S+)/i;

const lastError = (output: string): string => {
  const lines = output.trimEnd().split('\n');
  return (lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.at(-1) ?? '').replace(/^ERROR:\s*/, '');
};

/**
 * @param output everything that pip printed.
 * @param logFile where the same stands, for whoever wants to look.
 */
export const explainPipFailure = (output: string, logFile: string): string => {
  const missing = NO_WHEEL.exec(output)?.[1];
  if (SPACE.test(output)) {
    return `The disk is full: the local stack needs about 500 MB in the cache folder. Make room, or set LABEL_RELAY_CACHE to another folder, and try again. The log: ${logFile}.`;
  }
  if (HASH.test(output)) {
    return `What pip fetched is not what the lock names (a hash differs), so nothing was installed. If your package mirror changes packages, use another one. The log: ${logFile}.`;
  }
  if (CERTIFICATE.test(output)) {
    return `pip does not trust the certificate of the package index. Behind a proxy of your company set PIP_CERT to its certificate file and try again. The log: ${logFile}.`;
  }
  if (NETWORK.test(output)) {
    return `The first use of the local stack fetches Python packages, and the package index could not be reached. Connect to the network, or set PIP_INDEX_URL to a mirror that you can reach, and try again. The log: ${logFile}.`;
  }
  if (missing !== undefined) {
    return `The package index has no ready-made package of ${missing} for this machine (${process.platform} ${process.arch}), or your mirror lacks it. Linux with glibc and macOS, x86-64 and arm64, are supported. The log: ${logFile}.`;
  }
  return `pip could not install the local stack's packages: ${lastError(output)}. The log: ${logFile}.`;
};
