"""What spark-submit runs: the command line, so that a stage is the same with and without Airflow."""

from usertags.cli.app import main

if __name__ == "__main__":
    main()
