// Virtual machines and an appliance on a private bridge.

export { LAB_ERRORS } from './errors.ts';
export { forward, parseEnd } from './forward.ts';
export { API_PORT, createLab, type Lab, type LabApi, type LabConnection, type LabOptions, type LabStatus } from './lab.ts';
export { FIRMWARES, type Firmware, type MachineSpec } from './machine.ts';
