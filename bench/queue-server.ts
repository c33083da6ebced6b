/**
 * SQS and S3 for load, in a process of its own: prints the queue's URL, the bucket and the endpoint as one line of JSON, and ends with
 * its standard input.
 */
import { startFauxqs } from 'fauxqs';
import { LOCAL_ACCOUNT } from '../local/child-environment.ts';

const BUCKET = 'label-relay';

const server = await startFauxqs({ port: 0, logger: false });
server.createBucket(BUCKET);
server.createQueue('load', { attributes: { VisibilityTimeout: '120' } });
// It finds a queue by its name, whatever the host and the account: an address that needs no DNS, and the local stack's account.
const queueUrl = `${server.address}/${LOCAL_ACCOUNT}/load`;
process.stdout.write(`${JSON.stringify({ endpoint: server.address, bucket: BUCKET, queueUrl })}\n`);
process.stdin.resume().on('end', () => process.exit(0));
