/**
 * A queue for load, in a process of its own: prints its URL and endpoint as one line of JSON, and ends with its standard input.
 */
import { startFauxqs } from 'fauxqs';

const server = await startFauxqs({ port: 0, logger: false });
const { queueUrl } = server.createQueue('load', { attributes: { VisibilityTimeout: '120' } });
process.stdout.write(`${JSON.stringify({ endpoint: server.address, queueUrl })}\n`);
process.stdin.resume().on('end', () => process.exit(0));
