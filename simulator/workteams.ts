/** Work teams: every name is a private team with a Cognito group, unless the script says that it does not exist. */

type Workteam = { WorkteamName: string; WorkteamArn: string } & Readonly<Record<string, unknown>>;

/** AWS, shape Workteam. */
export const describeWorkteam = (name: string, account: string, region: string, createdMs: number): Workteam => ({
  WorkteamName: name,
  WorkteamArn: `arn:aws:sagemaker:${region}:${account}:workteam/private-crowd/${name}`,
  WorkforceArn: `arn:aws:sagemaker:${region}:${account}:workforce/default`,
  Description: `The work team ${name}`,
  MemberDefinitions: [
    { CognitoMemberDefinition: { UserPool: `${region}_simulator`, UserGroup: name, ClientId: 'simulator' } },
  ],
  CreateDate: createdMs / 1000,
  LastUpdatedDate: createdMs / 1000,
});
