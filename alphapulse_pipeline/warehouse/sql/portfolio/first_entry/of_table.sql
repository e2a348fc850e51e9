SELECT min({time}) FROM alphapulse.{dataset} WHERE account = account_
