export {
  describeError as describe,
  PROBLEM_TYPE,
  type Problem,
  statusOf,
  toProblem,
} from "@tenantry/tenancy";
