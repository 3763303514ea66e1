// The vendor methods of Ironic's fake machines: good for nothing but trying vendor passthru out.

import { fail } from '../errors.ts';
import type { VendorDriver, VendorMethod } from '../seam.ts';
import type { FakeMachine } from './machine.ts';

/** The word that `bar` is compared with; null where there is nothing to compare. */
const METHODS: Readonly<Record<string, VendorMethod & { readonly word: string | null }>> = {
  second_method: { httpMethods: ['POST'], description: 'Test if the value of bar is kazoo', word: 'kazoo' },
  third_method_sync: { httpMethods: ['POST'], description: 'Test if the value of bar is meow', isAsync: false, word: 'meow' },
  fourth_method_shared_lock: { httpMethods: ['POST'], description: 'Test if the value of bar is woof', needsLock: false, word: 'woof' },
  log_passthrough: { httpMethods: ['POST'], description: 'Test pass-through to wait.', word: null },
};

export function fakeVendor(machine: FakeMachine): VendorDriver {
  return {
    methods: METHODS,
    call: async (target, method, args, call) => {
      const known = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
      if (known === undefined) {
        throw fail('power.bad_argument', {
          message: `No handler for method ${method}`,
          hint: `The methods are ${Object.keys(METHODS).join(', ')}.`,
        });
      }
      const bar = args.bar;
      if (known.word !== null && (bar === undefined || bar === '' || bar === null)) {
        throw fail('power.bad_argument', {
          message: `Parameter 'bar' not passed to method '${method}'.`,
          hint: 'Give it in the body: {"bar": "text"}.',
        });
      }
      await machine.act(target, call, 'vendor', method);
      return known.word === null ? null : bar === known.word;
    },
  };
}
