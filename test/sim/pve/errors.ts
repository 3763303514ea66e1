// What a method of the stand-in throws: the status and the words that pveproxy puts into its status line.

export class ApiError extends Error {
  readonly status: number;
  readonly errors: Readonly<Record<string, string>> | undefined;

  constructor(status: number, text: string, errors?: Readonly<Record<string, string>>) {
    super(text);
    this.name = 'ApiError';
    this.status = status;
    this.errors = errors;
  }
}

/** Perl's die in a method: 500 with its words. */
export function died(text: string): ApiError {
  return new ApiError(500, text);
}

export function wrongParameters(errors: Readonly<Record<string, string>>): ApiError {
  return new ApiError(400, 'Parameter verification failed.', errors);
}
