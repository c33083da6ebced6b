/**
 * What stands in front of Temporal in production and not on a dev server: TLS, client certificates, API keys. Passes every call on to a
 * server without TLS.
 */
import { readFile } from 'node:fs/promises';
import {
  connect,
  createSecureServer,
  constants,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Certificates } from './certificates.ts';

export type TlsFront = {
  /** host:port */
  address: string;
  /** The API keys that calls came with; null for a call without. */
  keys: Set<string | null>;
  /** Takes these keys from now on, and no longer those before. */
  acceptKeys: (...keys: string[]) => void;
  /** Refuses calls of this service of Temporal's API, as to somebody without the role for it. */
  keepFrom: (service: string) => void;
  close: () => Promise<void>;
};

/** gRPC's number for Unauthenticated. */
const UNAUTHENTICATED = '16';
/** gRPC's number for PermissionDenied. */
const PERMISSION_DENIED = '7';

/** Headers of one connection are not those of the next. */
const withoutPseudo = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));

/**
 * `asks`: a certificate of our authority, or an API key.
 */
export const startTlsFront = async (
  target: string,
  certificates: Certificates,
  asks: { kind: 'certificate' } | { kind: 'api-key'; key: string },
): Promise<TlsFront> => {
  let accepted = asks.kind === 'api-key' ? [asks.key] : null;
  let kept: string | null = null;
  const keys = new Set<string | null>();
  let session: ClientHttp2Session | null = null;
  /** Temporal's server ends a connection that nobody used for two minutes. */
  const upstream = (): ClientHttp2Session => {
    if (session === null || session.closed || session.destroyed) {
      session = connect(`http://${target}`);
      session.on('error', () => undefined);
    }
    return session;
  };
  const { cert, key } = certificates('server');
  const server = createSecureServer({
    cert: await readFile(cert),
    key: await readFile(key),
    ca: await readFile(certificates('authority').cert),
    requestCert: asks.kind === 'certificate',
    rejectUnauthorized: asks.kind === 'certificate',
  });
  const pass = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const call = upstream().request({
      ...withoutPseudo(headers),
      ':method': 'POST',
      ':path': String(headers[':path']),
      ':scheme': 'http',
      ':authority': target,
    });
    let trailers: IncomingHttpHeaders = {};
    call.on('response', (response, flags) => {
      const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond(
        { ...withoutPseudo(response), ':status': response[':status'] ?? 200 },
        { endStream: ended, waitForTrailers: !ended },
      );
    });
    call.on('trailers', (received) => (trailers = received));
    stream.on('wantTrailers', () => stream.sendTrailers(withoutPseudo(trailers)));
    stream.on('aborted', () => call.close(constants.NGHTTP2_CANCEL));
    stream.on('error', () => call.close(constants.NGHTTP2_CANCEL));
    call.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    stream.pipe(call);
    call.pipe(stream);
  };
  server.on('stream', (stream, headers) => {
    const { authorization } = headers;
    keys.add(authorization?.replace(/^Bearer /, '') ?? null);
    const refuse = (status: string, message: string): void => {
      const answer = { ':status': 200, 'content-type': 'application/grpc' };
      stream.respond({ ...answer, 'grpc-status': status, 'grpc-message': message }, { endStream: true });
    };
    if (accepted !== null && accepted.every((one) => authorization !== `Bearer ${one}`))
      return refuse(UNAUTHENTICATED, 'no such key');
    if (kept !== null && String(headers[':path']).includes(kept)) return refuse(PERMISSION_DENIED, 'not permitted');
    return pass(stream, headers);
  });
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    address: `127.0.0.1:${address.port}`,
    keys,
    acceptKeys: (...next) => {
      accepted = next;
    },
    keepFrom: (service) => {
      kept = service;
    },
    close: async () => {
      session?.destroy();
      server.close();
    },
  };
};
