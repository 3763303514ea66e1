// What can go wrong between us and a machine's power, BMC or agent, as data. Statuses are Ironic's where it has one.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const POWER_ERRORS = {
  'power.no_driver': { status: 404, about: 'No hardware type has this name.' },
  'power.no_interface': { status: 400, about: 'The hardware type has no such implementation of this interface.' },
  'power.unsupported': { status: 400, about: "The node's driver can not do what was asked for." },
  'power.bad_info': { status: 400, about: 'driver_info lacks something that the driver needs, or has a value it can not have.' },
  'power.bad_argument': { status: 400, about: 'A boot device, mode, vendor method or argument that the driver does not take.' },
  'power.queue_full': {
    status: 503,
    retryable: true,
    about: 'More calls wait for this BMC, or for all of them, than are kept waiting.',
  },
  'power.not_asked': {
    status: 503,
    retryable: true,
    about: 'The BMC failed several times in a row and is left alone for a while (circuit breaker).',
  },
  'power.timeout': { status: 504, retryable: true, about: 'A BMC or other power device did not answer in its time.' },
  'power.failed': { status: 502, retryable: true, about: 'A driver failed in a way it has no own words for.' },
  'power.not_reached': {
    status: 504,
    about: 'The machine was told, but did not reach the power state in its time ([power] timeout_seconds).',
  },
  'power.no_program': { status: 500, about: 'A program that the driver needs is not installed on the appliance.' },
  'power.unreachable': {
    status: 502,
    retryable: true,
    about: 'A BMC, smart plug or system could not be connected to, or did not let us in.',
  },
  'power.refused': { status: 502, about: 'A BMC, smart plug or system answered, and refused or made no sense.' },
  'power.not_trusted': {
    status: 502,
    about: 'Somebody answered who can not prove to be the machine: its host key or certificate is another.',
  },
  'power.nothing_asked': { status: 409, about: 'No person was asked to switch this machine.' },
  'power.chain_failed': { status: 502, about: 'Every way in driver_info.power_chain was tried and none did it.' },
  'power.fake_failure': { status: 502, retryable: true, about: 'A fake machine failed because its driver_info.fake_fail says so.' },
  'power.stopped': { status: 503, retryable: true, about: 'The appliance is stopping and asks no machine any more.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(POWER_ERRORS);
