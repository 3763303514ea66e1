// What to send to which machine when it boots from the network.

export { type Boot, type BootOptions, createBoot, type MachineBoot, type Site } from './boot.ts';
export { type ClientFacts, decideOffer, decideProgram, type KnownMachine, type Offer, type Program, type Situation } from './decide.ts';
export { createEnrolment, type Enrolment, type EnrolmentState } from './enrolment.ts';
export { BOOT_ERRORS } from './errors.ts';
export { type BootFile, type BootFiles, loadBootFiles, NO_BOOT_FILES } from './files.ts';
export { type BootHttp, type BootHttpOptions, createBootHttp, type TextAnswer, type TextRequest } from './http.ts';
export { urlHost } from './http-address.ts';
export { type AgentBoot, compileScripts, type Message, SCRIPT_NAMES, type ScriptName, type Scripts } from './script.ts';
export { createTftpFiles, type FindBootFile, type OpenBootFile } from './tftp-files.ts';
