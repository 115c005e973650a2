SELECT user_id FROM features.users
