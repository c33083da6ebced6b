/** The SDK loads this by its path: messages and stacks of failures become payloads, so that a codec can encrypt them. */
const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
