// Errors as Ironic's clients read them: JSON whose error_message is itself a JSON text, not an object. Pure.

import type { Fault } from '../problem.ts';

const UNAUTHENTICATED = 401;

export function ironicErrorBody(fault: Fault): string {
  // There it is not Ironic's API that answers but the gate before it, which has a shape of its own.
  if (fault.status === UNAUTHENTICATED) return JSON.stringify({ error: { message: fault.message, code: UNAUTHENTICATED } });
  const faultstring = fault.hint === undefined ? fault.message : `${fault.message} ${fault.hint}`;
  const inner = { faultcode: fault.status < 500 ? 'Client' : 'Server', faultstring, debuginfo: null };
  return JSON.stringify({ error_message: JSON.stringify(inner) });
}
