insert into users (username, password_hash, email, is_admin)
values ({{admin.username}}, {{admin.passwordHash}}, {{license.email}}, true);
insert into notes (body, written_by) values ({{parameters.welcome}}, {{admin.username}});
