exports.onExecutePostLogin = async (event, api) => {
  api.idToken.setCustomClaim('https://library.example/way', event.connection.name);
};
