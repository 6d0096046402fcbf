exports.onExecutePostLogin = async () => {}; // later
