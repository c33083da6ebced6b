/** The errors that SageMaker's API answers with. */

/** AWS's names. Modeled: ResourceInUse, ResourceLimitExceeded, ResourceNotFound (API reference); the others are common errors. */
export const API_ERROR_NAMES = [
  'ValidationException',
  'ResourceInUse',
  'ResourceNotFound',
  'ResourceLimitExceeded',
  'ThrottlingException',
  'AccessDeniedException',
  'ExpiredTokenException',
  'SerializationException',
  'UnknownOperationException',
  'InternalFailure',
  'ServiceUnavailable',
] as const;
export type ApiErrorName = (typeof API_ERROR_NAMES)[number];

/** Thrown by an operation that is refused; becomes `{"__type", "message"}`. */
export class ApiError extends Error {
  override readonly name: ApiErrorName;

  constructor(name: ApiErrorName, message: string) {
    super(message);
    this.name = name;
  }

  /** The HTTP status that goes with the error. */
  get httpStatus(): 400 | 500 | 503 {
    if (this.name === 'InternalFailure') return 500;
    return this.name === 'ServiceUnavailable' ? 503 : 400;
  }
}
