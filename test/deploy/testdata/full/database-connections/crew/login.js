function login(name, password, callback) {
  callback(null, { user_id: name });
}
