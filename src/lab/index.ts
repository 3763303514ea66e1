// Virtual machines and an appliance on a private bridge.

export { type LabConfig, labDhcp, labServer, labTftp, renderLabConfig } from './config.ts';
export { LAB_ERRORS } from './errors.ts';
export { FIRMWARES, type Firmware } from './firmware.ts';
export { forward, parseEnd } from './forward.ts';
export { API_PORT, createLab, type Lab, type LabApi, type LabConnection, type LabOptions, type LabStatus } from './lab.ts';
export type { DiskBus, MachineDisk, MachineNic, MachineSpec } from './machine.ts';
export type { LabNetwork } from './network.ts';
